// Payload's REST interface, which has no response cache of its own, without the Next.js application that it usually lives in.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../local/ports.ts";
import { AUTHORS, fieldsOf } from "../workers/seed.ts";
import type { Database, Peer, Started } from "./peer.ts";
import { npmInstall, run, serve } from "./process.ts";

const VERSION = process.env["PAYLOAD_VERSION"] ?? "latest";

export const payload: Peer = { name: "payload", install, start };

async function install(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), '{"private":true,"type":"module"}\n');
  await npmInstall(directory, [`payload@${VERSION}`, `@payloadcms/db-postgres@${VERSION}`, "graphql"]);
}

async function start(directory: string, { host, port, user, name }: Database, articles: number): Promise<Started> {
  cpSync(join(import.meta.dirname, "payload-project"), directory, { recursive: true });
  const content = join(directory, "content.json");
  const numbers = Array.from({ length: articles }, (_, n) => n);
  writeFileSync(content, JSON.stringify({ authors: AUTHORS, articles: numbers.map((n) => fieldsOf(n)) }));
  const own = await freePort();
  const env = {
    PORT: String(own),
    DATABASE_URL: `postgres://${user}@${host}:${port}/${name}`,
    CONTENT: content,
    PAYLOAD_DROP_DATABASE: "false",
  };
  const program = { directory, command: process.execPath, log: join(directory, "payload.log") };
  await run({ ...program, args: ["fill.mjs"], env: { ...env, NODE_ENV: "development", FILL: "yes" } });
  const ids = JSON.parse(readFileSync(join(directory, "ids.json"), "utf8")) as readonly number[];
  const one = (n: number): string => `/api/articles/${ids[n % ids.length]}?depth=0`;
  const stop = await serve(
    { ...program, args: ["serve.mjs"], env: { ...env, NODE_ENV: "production" } },
    `http://127.0.0.1:${own}${one(0)}`,
  );
  const { version } = JSON.parse(readFileSync(join(directory, "node_modules", "payload", "package.json"), "utf8")) as {
    version: string;
  };
  const filled = JSON.parse(readFileSync(join(directory, "filled.json"), "utf8")) as number;
  return {
    port: own,
    filled,
    list: "/api/articles?limit=20&pagination=false&sort=words&depth=1",
    one,
    about: `${version}, without Next.js, no cache of its own`,
    stop,
  };
}
