// Puts the browser part of the API documentation (Swagger UI) where the Worker's static assets are taken from.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const FILES = ["swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE"];

export function copyDocsAssets(): void {
  const from = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const to = join(import.meta.dirname, "..", "dist", "assets", "docs");
  mkdirSync(to, { recursive: true });
  // A Worker of this checkout that runs already is restarted, in the middle of its requests, by whatever is written there.
  for (const file of FILES)
    if (!isSame(join(from, file), join(to, file))) copyFileSync(join(from, file), join(to, file));
}

function isSame(one: string, other: string): boolean {
  return existsSync(other) && readFileSync(one).equals(readFileSync(other));
}
