// The floor of a hit: a Hono Worker that returns text from a constant with a content type and nothing else.
import { env } from "cloudflare:workers";
import { Hono } from "hono";

const { ENTRY, LIST, ETAG } = env as unknown as Readonly<Record<"ENTRY" | "LIST" | "ETAG", string>>;
const JSON_TYPE = { "Content-Type": "application/json" };

const app = new Hono();

app.get("/entry", (c) => c.body(ENTRY, 200, JSON_TYPE));
app.get("/list", (c) => c.body(LIST, 200, JSON_TYPE));
app.get("/not-modified", (c) =>
  c.req.header("If-None-Match") === ETAG ? c.body(null, 304, { ETag: ETAG }) : c.body(ENTRY, 200, JSON_TYPE),
);

export default app;
