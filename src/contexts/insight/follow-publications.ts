// The subscriber of the log that analyses what is published. It looks at what is published now, not at what an event said: done twice, late or
// out of order it comes to the same.
import { type SQL, sql } from "drizzle-orm";
import type { Clock } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, refuse } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import type { SpaceAddress } from "../../platform/relay/dirty-set.ts";
import type { Subscriber } from "../../platform/relay/subscriber.ts";
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
const READ_BYTES = 3 * 1024 * 1024;
/** Characters that one transaction's events may bring, and one invocation's: it has so many seconds. More are taken in fewer at a time. */
const BATCH_CHARACTERS = 600_000;
const RUN_CHARACTERS = 1_000_000;

export function followPublications(parts: FollowParts): Subscriber {
  return {
    name: "insight",
    atFailure: "park",
    async prepare(space, events) {
      const concerned = events.filter(({ stream, type }) => stream.startsWith("entry:") && CONCERNS.has(type));
      let left: readonly string[] = [...new Set(concerned.map(({ stream }) => stream.slice(6)))];
      const entries: JsonObject[] = [];
      let spent = 0;
      while (left.length > 0) {
        const found = await read(parts, space, left);
        for (const row of found.rows) {
          const { analyses, spent: more } = await analyse(parts, { ...found.settings, ...row });
          entries.push({
            id: row.id,
            type: row.type,
            version: row.version,
            position: row.position,
            analyses,
          } as unknown as JsonObject);
          spent += more;
          if (spent > BATCH_CHARACTERS && events.length > 1) return refuse(TOO_MUCH);
        }
        const taken = new Set(found.rows.map(({ id }) => id));
        const absent = left.filter((id) => !found.published.has(id));
        entries.push(...absent.map((id) => ({ id, position: null })));
        left = left.filter((id) => found.published.has(id) && !taken.has(id));
      }
      return entries.length === 0
        ? ok(undefined)
        : ok({ at: new Date(parts.clock.now()).toISOString(), entries, characters: spent });
    },
    effort: ({ characters }) => Number(characters) / RUN_CHARACTERS,
  };
}

const TOO_MUCH = fault("limited", "too-much-text", "These events bring more text than is analysed at once");

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
  const among = sql`${JSON.stringify(ids)}::jsonb`;
  const answer = await readerOf({ ...space, id: "" }).read([
    sql`select settings -> 'locales' as locales, settings ->> 'defaultLocale' as default_locale from spaces where space = ${uid}`,
    schemasSql(uid, among),
    sql`select id, type, version, from_pos, case when n = 1 or upto <= ${READ_BYTES}::bigint then fields end as fields from (
        select p.*, row_number() over w as n, sum(coalesce(p.size, travel_size(p.fields))) over w as upto
          from published p where p.space = ${uid} and p.id in (select jsonb_array_elements_text(${among})) window w as (order by p.id)) x
      order by id`,
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
    select p.type from published p where p.space = ${uid} and p.id in (select jsonb_array_elements_text(${among})))`;
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
