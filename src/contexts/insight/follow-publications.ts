// The subscriber of the log that analyses what is published. It looks at what is published now, not at what an event said: done twice, late or
// out of order it comes to the same.
import { type SQL, sql } from "drizzle-orm";
import { type Clock, type Millis, millis } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import { ok } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import type { SpaceAddress } from "../../platform/relay/dirty-set.ts";
import type { LogHeader, Subscriber } from "../../platform/relay/subscriber.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import { type AnalyseParts, analyse } from "./analyse.ts";

export interface FollowParts extends AnalyseParts {
  readonly clock: Clock;
  /** Of the primary. */
  readerOf(space: SpaceRef): Reader;
}

/** What changes what is published of an entry. */
const CONCERNS: ReadonlySet<string> = new Set(["EntryPublished", "EntryUnpublished", "EntryArchived", "EntryDeleted"]);
/** Bytes of fields that one read brings. */
const READ_BYTES = 1024 * 1024;
/** What an entry costs is its characters and slices. After so much, or so long, what was found is written, and the rest is the next batch's. */
const BATCH_COST = 60_000;
const BATCH_MS = 1_500;
/** Of one run, which ends after so long, too. */
const RUN_COST = 240_000;
const RUN: Millis = millis(5_000);
/** A run rests three times as long as it took, so that whatever there is to do takes a quarter of a processor at most. */
const REST = 3;
/** One that took no longer has done nothing to rest from. */
const SHORT_MS = 500;

export function followPublications(parts: FollowParts): Subscriber {
  return {
    name: "insight",
    atFailure: "park",
    turns: { atMost: RUN, rest: (took) => millis(took < SHORT_MS ? 0 : took * REST) },
    async prepare(space, events) {
      const concerned = events.map(({ stream, type }) =>
        stream.startsWith("entry:") && CONCERNS.has(type) ? stream.slice(6) : undefined,
      );
      let left: readonly string[] = [...new Set(concerned.filter((id) => id !== undefined))];
      const started = parts.clock.now();
      const entries: JsonObject[] = [];
      let spent = 0;
      const isEnough = (): boolean => spent >= BATCH_COST || parts.clock.now() - started >= BATCH_MS;
      while (left.length > 0 && !(entries.length > 0 && isEnough())) {
        const found = await read(parts, space, left);
        const taken = new Set(left.filter((id) => !found.published.has(id)));
        entries.push(...[...taken].map((id) => ({ id, position: null })));
        for (const row of found.rows) {
          if (entries.length > 0 && isEnough()) break;
          const { analyses, spent: more } = await analyse(parts, { ...found.settings, ...row });
          entries.push({
            id: row.id,
            type: row.type,
            version: row.version,
            position: row.position,
            analyses,
          } as unknown as JsonObject);
          spent += more;
          taken.add(row.id);
        }
        left = left.filter((id) => !taken.has(id));
      }
      if (entries.length === 0) return ok(undefined);
      const upTo = reachOf(events, concerned, new Set(left));
      return ok({ at: new Date(parts.clock.now()).toISOString(), entries, spent, ...(upTo && { upTo }) });
    },
    reach: ({ upTo }) => (typeof upTo === "number" ? position(upTo) : undefined),
    effort: ({ spent }) => Number(spent) / RUN_COST,
  };
}

/** The event before the first whose entry is left; the first one's never is. */
function reachOf(
  events: readonly LogHeader[],
  concerned: readonly (string | undefined)[],
  left: ReadonlySet<string>,
): Position | undefined {
  const first = concerned.findIndex((id) => id !== undefined && left.has(id));
  return first === -1 ? undefined : events[first - 1]?.position;
}

interface Published {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly position: number;
  readonly fields: JsonObject;
  readonly schema: JsonObject;
}

/** As many of them as one answer carries, at least one. Throws when the primary is away. */
async function read(
  { readerOf }: FollowParts,
  space: SpaceAddress,
  ids: readonly string[],
): Promise<{
  readonly settings: { readonly locales: readonly string[]; readonly defaultLocale: string };
  readonly published: ReadonlySet<string>;
  readonly rows: readonly Published[];
}> {
  const { uid } = space;
  // Looked up one by one: joined, the planner may read everything that the space has published.
  const among = sql`${JSON.stringify(ids)}::jsonb`;
  const answer = await readerOf({ ...space, id: "" }).read([
    sql`select settings -> 'locales' as locales, settings ->> 'defaultLocale' as default_locale from spaces where space = ${uid}`,
    schemasSql(uid, among),
    sql`select id, type, version, from_pos, case when n = 1 or upto <= ${READ_BYTES}::bigint then fields end as fields from (
        select p.*, row_number() over w as n, sum(coalesce(p.size, travel_size(p.fields))) over w as upto
          from jsonb_array_elements_text(${among}) with ordinality as a(wanted, nth)
          cross join lateral (select * from published p where p.space = ${uid} and p.id = a.wanted offset 0) p window w as (order by a.nth)) x
      order by n`,
  ]);
  if (!answer.ok) throw new Outage("postgres", "failed", { cause: answer.fault.code });
  const [[settings], types = [], found = []] = [answer.value.rows[0] ?? [], answer.value.rows[1], answer.value.rows[2]];
  const schemas = new Map(types.map((row) => [row["type"] as string, row["schema"] as JsonObject]));
  return {
    settings: {
      locales: (settings?.["locales"] as readonly string[] | null) ?? [],
      defaultLocale: (settings?.["default_locale"] as string | null) ?? "und",
    },
    published: new Set(found.map((row) => row["id"] as string)),
    rows: found.filter((row) => row["fields"] !== null).map((row) => publishedOf(row, schemas)),
  };
}

function schemasSql(uid: number, among: SQL): SQL {
  return sql`select t.type, t.document -> 'schema' as schema from types t where t.space = ${uid} and t.type in (
    select p.type from jsonb_array_elements_text(${among}) a(wanted)
      cross join lateral (select p.type from published p where p.space = ${uid} and p.id = a.wanted offset 0) p)`;
}

function publishedOf(row: Row, schemas: ReadonlyMap<string, JsonObject>): Published {
  const type = row["type"] as string;
  return {
    id: row["id"] as string,
    type,
    version: row["version"] as number,
    position: row["from_pos"] as number,
    fields: row["fields"] as JsonObject,
    schema: schemas.get(type) ?? {},
  };
}
