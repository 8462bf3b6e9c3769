// What the geographic simulation compares with: an origin in one region that asks its database every time, and a Worker in each region
// that keeps the origin's answers for a minute.
import { env } from "cloudflare:workers";
import { neon, neonConfig } from "@neondatabase/serverless";
import { Hono } from "hono";

interface Origin {
  readonly ENDPOINT: string;
  /** Of each space, by its public id: the owner's connection string and the space's uid. */
  readonly SPACES: Readonly<Record<string, { readonly url: string; readonly uid: number }>>;
}

const { ENDPOINT, SPACES } = env as unknown as Origin;
const BY_HAND =
  "select id, type, slug, version, fields, created_at, updated_at, published_at from published where space = $1 and type = $2 and id = $3";
const SECONDS = 60;
neonConfig.fetchEndpoint = ENDPOINT;

const app = new Hono();

app.get("/origin/:space/:type/:id", async (c) => {
  const { space, type, id } = c.req.param();
  const place = SPACES[space];
  if (place === undefined) return c.notFound();
  const rows = await neon(place.url).query(BY_HAND, [place.uid, type, id]);
  return rows[0] === undefined ? c.notFound() : c.json(rows[0]);
});

/** `From-Origin`: the origin's address as this region reaches it. */
app.get("/minute/:region/:space/:type/:id", async (c) => {
  const { region, space, type, id } = c.req.param();
  const cache = await caches.open(region);
  const key = `https://minute.invalid/${space}/${type}/${id}`;
  const found = await cache.match(key);
  if (found !== undefined) return new Response(found.body, { headers: { "Cache-Status": "minute; hit" } });
  const from = c.req.header("From-Origin");
  const answer = await fetch(`${from}/origin/${space}/${type}/${id}`);
  const body = await answer.text();
  if (answer.status === 200)
    c.executionCtx.waitUntil(
      cache.put(key, new Response(body, { headers: { "Cache-Control": `max-age=${SECONDS}` } })),
    );
  return new Response(body, { status: answer.status, headers: { "Cache-Status": "minute; fwd=uri-miss" } });
});

export default app;
