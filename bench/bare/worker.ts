// The baseline of the measurements, a bare Hono Worker with one hand-written SELECT, and the steps from there to the product:
// each route adds one layer to the one before it.
import { DurableObject } from "cloudflare:workers";
import { neon, neonConfig } from "@neondatabase/serverless";
import { sql } from "drizzle-orm";
import { Hono } from "hono";
import { neonClient } from "../../src/adapters/neon/sql-client.ts";
import { getContent, ONE_PARAMETERS, readQueryText, type TypeShape } from "../../src/contexts/delivery/delivery.ts";
import { type Clock, instant, millis } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Binding, type Database, openDatabase } from "../../src/platform/database/open-database.ts";
import { isAway } from "../../src/platform/database/outage.ts";
import type { Topology } from "../../src/platform/database/topology.ts";
import { type Guard, guard } from "../../src/platform/resilience/guard.ts";

export interface Bare {
  readonly ENDPOINT: string;
  /** As the owner of the tables: no row-level policy, no space to bind. */
  readonly OWNER_URL: string;
  /** As the product's role. */
  readonly APP_URL: string;
  readonly TOPOLOGY: Topology;
  readonly SPACE: number;
  readonly SHAPES: readonly TypeShape[];
  readonly SHIELD: DurableObjectNamespace<Floor>;
}

const BY_HAND =
  "select id, type, slug, version, fields, created_at, updated_at, published_at from published where space = $1 and type = $2 and slug = $3";
const BIND = "select * from bind_space($1)";
const SNAPSHOT = { isolationLevel: "RepeatableRead", readOnly: true } as const;
/** As src/contexts/delivery/get-content.ts writes it. */
const BY_ID_OR_SLUG =
  "select id, type, slug, version, fields, created_at, updated_at, published_at from find_published($1, $2, $3)";

const app = new Hono<{ Bindings: Bare }>();

app.get("/bare/:type/:slug", async (c) => c.json(await byHand(c.env, c.req.param("type"), c.req.param("slug"))));

/** What any miss of two shared tiers costs: a look into the data centre's cache, a call of the object that collapses, the SELECT there. */
app.get("/tiers/:type/:slug", async (c) => {
  const { type, slug } = c.req.param();
  const found = await (await caches.open("bare")).match(`https://floor.invalid/${type}/${slug}`);
  if (found !== undefined) return found;
  return c.json((await c.env.SHIELD.getByName("bare").read(type, slug)) as object);
});

app.get("/snapshot/:type/:slug", async (c) => {
  neonConfig.fetchEndpoint = c.env.ENDPOINT;
  const db = neon(c.env.APP_URL);
  const [, rows] = await db.transaction(
    [db.query(BIND, [c.env.SPACE]), db.query(BY_HAND, [c.env.SPACE, c.req.param("type"), c.req.param("slug")])],
    SNAPSHOT,
  );
  return c.json(rows?.[0]);
});

app.get("/id-or-slug/:type/:slug", async (c) => {
  neonConfig.fetchEndpoint = c.env.ENDPOINT;
  const db = neon(c.env.APP_URL);
  const { SPACE } = c.env;
  const { type, slug } = c.req.param();
  const [, rows] = await db.transaction(
    [db.query(BIND, [SPACE]), db.query(BY_ID_OR_SLUG, [SPACE, type, slug])],
    SNAPSHOT,
  );
  return c.json(rows?.[0]);
});

app.get("/platform/:type/:slug", async (c) => {
  const { SPACE } = c.env;
  const { type, slug } = c.req.param();
  const columns = sql.raw("id, type, slug, version, fields, created_at, updated_at, published_at");
  const one = sql`select ${columns} from find_published(${SPACE}::int, ${type}::text, ${slug}::text)`;
  const answer = await databaseOf(c.env).reader(bindingOf(c.env)).read([one]);
  return answer.ok ? c.json(answer.value.rows[0]?.[0]) : c.json(answer.fault, 500);
});

app.get("/use-case/:type/:slug", async (c) => {
  const { type, slug } = c.req.param();
  const query = readQueryText(new URL(c.req.url).searchParams, ONE_PARAMETERS);
  if (!query.ok) return c.json(query.fault, 500);
  const { SHAPES } = c.env;
  const binding = bindingOf(c.env);
  const data = {
    reader: databaseOf(c.env).reader(binding),
    types: new Map(SHAPES.map((shape) => [shape.type, { shape }])),
    settings: { locales: ["en", "fr"], defaultLocale: "en" },
    signer: { sign: async () => "", open: async () => undefined },
  };
  const scope = {
    space: binding.space,
    actor: { type: "anonymous" },
    requestId: "",
    clock,
    data,
  } as unknown as Parameters<typeof getContent>[0];
  const got = await getContent(scope, { type, name: slug, query: query.value });
  return got.ok ? c.json(got.value.body) : c.json(got.fault, 500);
});

async function byHand({ ENDPOINT, OWNER_URL, SPACE }: Bare, type: string, slug: string) {
  neonConfig.fetchEndpoint = ENDPOINT;
  return (await neon(OWNER_URL).query(BY_HAND, [SPACE, type, slug]))[0];
}

export class Floor extends DurableObject<Bare> {
  async read(type: string, slug: string): Promise<unknown> {
    return await byHand(this.env, type, slug);
  }
}

const clock: Clock = { now: () => instant(Date.now()) };
let database: Database | undefined;

function databaseOf({ ENDPOINT, TOPOLOGY }: Bare): Database {
  const guards = new Map<string, Guard>();
  const guardOf = ({ name }: { readonly name: string }): Guard => {
    const made =
      guards.get(name) ??
      guard(name, {
        timeout: millis(2_500),
        breakAfter: 3,
        halfOpenAfter: millis(1_000),
        bulkhead: 400,
        clock,
        isOutage: isAway,
      });
    guards.set(name, made);
    return made;
  };
  database ??= openDatabase({ topology: TOPOLOGY, client: neonClient(ENDPOINT), guardOf });
  return database;
}

function bindingOf({ SPACE }: Bare): Binding {
  return {
    space: { id: "bench", uid: spaceUid(SPACE), epoch: 1, residency: "us" },
    from: "nearest",
    caller: "request",
  };
}

export default app;
