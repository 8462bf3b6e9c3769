// The floors of hits in far tiers: one look into the Cache API, or one call of a Durable Object that returns the same bytes.
import { env } from "cloudflare:workers";
import { Hono } from "hono";

interface Tiers {
  readonly ENTRY: string;
  readonly SHIELD: DurableObjectNamespace;
}

const { ENTRY, SHIELD } = env as unknown as Tiers;
const HEADERS = { "Content-Type": "application/json", "Cache-Control": "max-age=3600" };
const ADDRESS = "https://floor.invalid";

const app = new Hono();

app.get("/colo/:key", async (c) => {
  const cache = await caches.open("floor");
  const key = `${ADDRESS}/${c.req.param("key")}`;
  const found = await cache.match(key);
  if (found !== undefined) return new Response(found.body, { headers: { "Content-Type": "application/json" } });
  await cache.put(key, new Response(ENTRY, { headers: HEADERS }));
  return c.body(ENTRY, 200, HEADERS);
});

app.get("/shield/:key", async () => {
  const answer = await SHIELD.getByName("floor").fetch(ADDRESS);
  return new Response(answer.body, { headers: { "Content-Type": "application/json" } });
});

export default app;

export class Floor {
  fetch(): Response {
    return new Response(ENTRY, { headers: { "Content-Type": "application/json" } });
  }
}
