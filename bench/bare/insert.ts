// The floors of an import: a Hono Worker that inserts rows by hand, many at a time, and one that only stores what it is sent.
import { env } from "cloudflare:workers";
import { neon, neonConfig } from "@neondatabase/serverless";
import { Hono } from "hono";

interface Insert {
  readonly ENDPOINT: string;
  /** As the owner of the tables. */
  readonly OWNER_URL: string;
  readonly FILES: R2Bucket;
}

const { ENDPOINT, OWNER_URL, FILES } = env as unknown as Insert;
const AT_ONCE = 100;
const PART_BYTES = 8 * 1024 * 1024;
const BY_HAND =
  "insert into floor.city select c.id, c.slug, c.fields from jsonb_to_recordset($1::jsonb) as c(id text, slug text, fields jsonb)";

const app = new Hono();

/** One entry a line, into one table. */
app.post("/table", async (c) => {
  neonConfig.fetchEndpoint = ENDPOINT;
  const sql = neon(OWNER_URL);
  const lines = (await c.req.text()).trimEnd().split("\n");
  for (let from = 0; from < lines.length; from += AT_ONCE)
    await sql.query(BY_HAND, [`[${lines.slice(from, from + AT_ONCE).join(",")}]`]);
  return c.json(lines.length);
});

/** A hundred entries a line, as `{table: its rows}`: everything that the product keeps of them. */
app.post("/rows", async (c) => {
  neonConfig.fetchEndpoint = ENDPOINT;
  const sql = neon(OWNER_URL);
  const lines = (await c.req.text()).trimEnd().split("\n");
  for (const line of lines) {
    const tables = Object.entries(JSON.parse(line) as Readonly<Record<string, unknown>>);
    await sql.transaction(
      tables.map(([table, rows]) =>
        sql.query(
          `insert into floor.${table} select r.* from jsonb_populate_recordset(null::floor.${table}, $1::jsonb) r`,
          [JSON.stringify(rows)],
        ),
      ),
    );
  }
  return c.json(lines.length);
});

/** A file into the bucket, in parts, as the bucket wants it. */
app.post("/store", async (c) => {
  const upload = await FILES.createMultipartUpload("file");
  const parts: R2UploadedPart[] = [];
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  const send = async (): Promise<void> => {
    parts.push(await upload.uploadPart(parts.length + 1, part.subarray(0, filled)));
    part = new Uint8Array(PART_BYTES);
    filled = 0;
  };
  const reader = (c.req.raw.body as ReadableStream<Uint8Array>).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    for (let rest = read.value; rest.length > 0; ) {
      const taken = rest.subarray(0, PART_BYTES - filled);
      part.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
      if (filled === PART_BYTES) await send();
    }
  }
  if (filled > 0) await send();
  await upload.complete(parts);
  return c.json(parts.length);
});

export default app;
