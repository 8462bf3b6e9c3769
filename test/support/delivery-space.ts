// A space for delivery's contract tests, on the primary of the first shard: written through commit_write, read as the Worker reads.
import { randomInt, randomUUID } from "node:crypto";
import type { sql } from "drizzle-orm";
import pg from "pg";
import { neonClient } from "../../src/adapters/neon/sql-client.ts";
import { type DeliveryData, sortRowOf, type TypeShape } from "../../src/contexts/delivery/delivery.ts";
import { instant } from "../../src/kernel/clock.ts";
import { type KeyId, spaceUid } from "../../src/kernel/id.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { Scope, ScopeName, SpaceRef } from "../../src/kernel/scope.ts";
import type { Reader } from "../../src/platform/database/database.ts";
import { openDatabase } from "../../src/platform/database/open-database.ts";
import { renderSql } from "../../src/platform/database/render-sql.ts";
import type { EntryChange } from "../../src/platform/event-log/commit.ts";
import { signer } from "./signer.ts";
import type { StackAddresses } from "./stack.ts";

export interface Seed {
  readonly id: string;
  readonly type: string;
  readonly slug?: string | null;
  readonly fields: JsonObject;
  readonly publish?: boolean;
}

export interface Known {
  readonly version: number;
  readonly publishedVersion: number | null;
  readonly revision: number;
  readonly type: string;
  readonly slug: string | null;
  readonly fields: JsonObject;
}

export const LOCALES = { locales: ["en", "fr"], defaultLocale: "en" };

export async function openDeliverySpace({ postgres, neon, topology }: StackAddresses, shapes: readonly TypeShape[]) {
  const home = topology.shards[0]!;
  const space: SpaceRef = {
    id: "delivery-test",
    uid: spaceUid(1_000_000_000 + randomInt(1_000_000_000)),
    epoch: 1,
    residency: home.residency,
  };
  const owner = new pg.Client({ connectionString: postgres[home.primary.name] });
  await owner.connect();
  const database = openDatabase({
    topology,
    client: neonClient(neon.endpoint),
    guardOf: () =>
      ({ attempt: (work: (signal: AbortSignal) => Promise<unknown>) => work(AbortSignal.timeout(10_000)) }) as never,
  });
  const primary = database.reader({ space, from: "primary", caller: "request" });
  const asked: number[] = [];
  const reader: Reader = {
    space,
    read(statements, pinned) {
      asked.push("binding" in statements ? 1 : statements.length);
      return primary.read(statements, pinned);
    },
  };
  const entries = new Map<string, Known>();
  /** An id used again after its deletion goes on counting. */
  const gone = new Map<string, { readonly version: number; readonly revision: number }>();

  async function write(change: JsonObject | Record<string, unknown>): Promise<number> {
    const payload = {
      space: space.uid,
      commit: randomUUID(),
      meta: { actor: "test", requestId: "test" },
      streams: [],
      ...change,
    };
    const { rows } = await owner.query("select commit_write($1::jsonb) as answer", [JSON.stringify(payload)]);
    if (rows[0].answer.refused !== undefined) throw new Error(`refused: ${JSON.stringify(rows[0].answer)}`);
    return rows[0].answer.position;
  }

  await write({
    create: { epoch: 1 },
    events: [{ n: 1, stream: "space", version: 1, type: "SpaceCreated", schema: 1, data: {}, tags: [] }],
  });

  return {
    space,
    owner,
    entries,
    write,
    /** How many statements each read had. */
    asked,
    scope(scopes: readonly ScopeName[] = ["content:read"], data: Partial<DeliveryData> = {}): Scope<DeliveryData> {
      return {
        space,
        actor: { type: "key", id: "k" as KeyId, scopes: new Set(scopes) },
        requestId: "test",
        clock: { now: () => instant(0) },
        data: {
          reader,
          types: new Map(shapes.map((shape) => [shape.type, { shape }])),
          settings: LOCALES,
          signer: signer(),
          ...data,
        },
      };
    },
    /** One commit; gives the position after it. */
    async put(
      seeds: readonly Seed[],
      shapeOf: (type: string) => TypeShape = (type) => shapes.find((shape) => shape.type === type)!,
    ): Promise<number> {
      const events: JsonObject[] = [];
      const changes: EntryChange[] = [];
      const counts = new Map<string, { drafts: number; published: number }>();
      for (const seed of seeds) {
        const before = entries.get(seed.id);
        const { version: lastVersion, revision: lastRevision } = before ??
          gone.get(seed.id) ?? { version: 0, revision: 0 };
        const version = lastVersion + 1;
        const publish = seed.publish ?? true;
        const n = events.push(
          event(seed.id, before ? "EntryUpdated" : "EntryCreated", lastRevision + 1, events.length),
        );
        const last = publish
          ? events.push(event(seed.id, "EntryPublished", lastRevision + 2, events.length, seed.type))
          : n;
        const publishedVersion = publish ? version : (before?.publishedVersion ?? null);
        const revision = lastRevision + (publish ? 2 : 1);
        const slug = seed.slug ?? null;
        const status = publish ? "published" : publishedVersion === null ? "draft" : "changed";
        const draft = { n, slug, fields: seed.fields, ix: sortRowOf(shapeOf(seed.type), seed.fields), refs: [] };
        changes.push({
          id: seed.id,
          type: seed.type,
          change: "changed",
          n: last,
          actor: "test",
          status,
          version,
          publishedVersion,
          revision,
          draft,
          ...(publish ? { publication: { n: last, to: "current" as const } } : {}),
        });
        const count = counts.get(seed.type) ?? { drafts: 0, published: 0 };
        counts.set(seed.type, {
          drafts: count.drafts + (before ? 0 : 1),
          published: count.published + (publish && !before?.publishedVersion ? 1 : 0),
        });
        entries.set(seed.id, { version, publishedVersion, revision, type: seed.type, slug, fields: seed.fields });
      }
      return await write({
        events,
        entries: changes,
        counts: [...counts].map(([type, count]) => ({ type, ...count })),
      });
    },
    async withdraw(id: string, status: "draft" | "archived" = "draft"): Promise<number> {
      const before = entries.get(id)!;
      const revision = before.revision + 1;
      entries.set(id, { ...before, publishedVersion: null, revision });
      return await write({
        events: [event(id, status === "draft" ? "EntryUnpublished" : "EntryArchived", revision, 0, before.type)],
        entries: [
          {
            id,
            type: before.type,
            change: "changed",
            n: 1,
            actor: "test",
            status,
            version: before.version,
            publishedVersion: null,
            revision,
            ...(before.publishedVersion === null ? {} : { publication: { n: 1, to: "nothing" } }),
          },
        ],
        counts: [{ type: before.type, drafts: 0, published: before.publishedVersion === null ? 0 : -1 }],
      });
    },
    async remove(id: string): Promise<number> {
      const before = entries.get(id)!;
      entries.delete(id);
      gone.set(id, { version: before.version, revision: before.revision + 1 });
      return await write({
        events: [event(id, "EntryDeleted", before.revision + 1, 0, before.type)],
        entries: [{ id, type: before.type, change: "deleted", n: 1, actor: "test" }],
        counts: [{ type: before.type, drafts: -1, published: before.publishedVersion === null ? 0 : -1 }],
      });
    },
    /** EXPLAIN of a statement as the Worker's role runs it, in a bound transaction. */
    async explain(statement: ReturnType<typeof sql>): Promise<Plan> {
      const { text, params } = renderSql(statement);
      await owner.query("begin isolation level repeatable read read only");
      await owner.query("set local role meridian_app");
      await owner.query("set local jit = off");
      await owner.query("set local max_parallel_workers_per_gather = 0");
      await owner.query("select * from bind_space($1)", [space.uid]);
      try {
        const { rows } = await owner.query(`explain (analyze, buffers, format json) ${text}`, params as unknown[]);
        return rows[0]["QUERY PLAN"][0];
      } finally {
        await owner.query("rollback");
      }
    },
    async close(): Promise<void> {
      await owner.end();
    },
  };

  /** `told`: type of an entry that readers know, or learn of by this. */
  function event(id: string, type: string, version: number, before: number, told?: string): JsonObject {
    const tags = told === undefined ? [] : [`entry:${id}`, `type:${told}`, "type:*", `name:${told}/${id}`];
    return { n: before + 1, stream: `entry:${id}`, version, type, schema: 1, data: {}, tags };
  }
}

export type DeliverySpace = Awaited<ReturnType<typeof openDeliverySpace>>;

export interface Plan {
  readonly "Execution Time": number;
  readonly Plan: { readonly "Shared Hit Blocks": number; readonly "Shared Read Blocks": number };
}

/** Blocks that a statement touched, whether they were in memory or not. */
export function buffersOf(plan: Plan): number {
  return plan.Plan["Shared Hit Blocks"] + plan.Plan["Shared Read Blocks"];
}

export function get<T>(
  result:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly fault: { readonly detail: string } },
): T {
  if (!result.ok) throw new Error(result.fault.detail);
  return result.value;
}
