// Strapi, which has no response cache of its own, read without credentials. Its project stands in strapi-project and is copied.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../local/ports.ts";
import { AUTHORS, fieldsOf } from "../workers/seed.ts";
import type { Database, Peer, Started } from "./peer.ts";
import { npmInstall, serve } from "./process.ts";

const VERSION = process.env["STRAPI_VERSION"] ?? "latest";
const WITH = ["pg", "react@18", "react-dom@18", "react-router-dom@6", "styled-components@6"];
const SECRETS = [
  "APP_KEYS",
  "API_TOKEN_SALT",
  "ADMIN_JWT_SECRET",
  "TRANSFER_TOKEN_SALT",
  "JWT_SECRET",
  "ENCRYPTION_KEY",
];

export const strapi: Peer = { name: "strapi", install, start };

async function install(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, "package.json"),
    '{"name":"peer","version":"0.0.0","private":true,"strapi":{"uuid":"peer"}}\n',
  );
  await npmInstall(directory, [`@strapi/strapi@${VERSION}`, `@strapi/plugin-users-permissions@${VERSION}`, ...WITH]);
}

async function start(directory: string, { host, port, user, name }: Database, articles: number): Promise<Started> {
  cpSync(join(import.meta.dirname, "strapi-project"), directory, { recursive: true });
  mkdirSync(join(directory, "public", "uploads"), { recursive: true });
  const content = join(directory, "content.json");
  const numbers = Array.from({ length: articles }, (_, n) => n);
  writeFileSync(content, JSON.stringify({ authors: AUTHORS, articles: numbers.map((n) => fieldsOf(n)) }));
  const own = await freePort();
  const env = {
    NODE_ENV: "production",
    HOST: "127.0.0.1",
    PORT: String(own),
    DATABASE_HOST: host,
    DATABASE_PORT: String(port),
    DATABASE_NAME: name,
    DATABASE_USERNAME: user,
    CONTENT: content,
    STRAPI_TELEMETRY_DISABLED: "true",
    ...Object.fromEntries(SECRETS.map((secret) => [secret, "only-for-this-measurement-012345"])),
  };
  const args = [join("node_modules", "@strapi", "strapi", "bin", "strapi.js"), "start"];
  const log = join(directory, "strapi.log");
  const stop = await serve({ directory, command: process.execPath, args, env, log }, `http://127.0.0.1:${own}/_health`);
  const ids = JSON.parse(readFileSync(join(directory, "ids.json"), "utf8")) as readonly string[];
  const about = JSON.parse(
    readFileSync(join(directory, "node_modules", "@strapi", "strapi", "package.json"), "utf8"),
  ) as {
    version: string;
  };
  const filled = JSON.parse(readFileSync(join(directory, "filled.json"), "utf8")) as number;
  return {
    port: own,
    filled,
    list: "/api/articles?pagination[pageSize]=20&pagination[withCount]=false&sort=words&populate=author",
    one: (n) => `/api/articles/${ids[n % ids.length]}`,
    about: `${about.version}, no cache of its own`,
    stop,
  };
}
