// What a turn at an import knows of its space, and the entries that its lines are about: read from the primary.
import { sql } from "drizzle-orm";
import type { SpaceUid } from "../../kernel/id.ts";
import type { Position } from "../../kernel/position.ts";
import type { Answer, Reader, Row } from "../../platform/database/database.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import {
  type ContentType,
  decodeEntry,
  decodeType,
  entriesStatement,
  entryStatement,
  type LoadedEntry,
  typesStatement,
} from "../authoring/authoring.ts";
import { decodeSpace, headStatement, spaceStatement } from "../tenancy/tenancy.ts";

export interface SpaceKnowledge {
  readonly locales: readonly string[];
  readonly types: ReadonlyMap<string, ContentType>;
  /** What a commit must find unmoved. */
  readonly known: { readonly settings: number; readonly schema: number };
}

/** Documents above this are read one by one. */
const SMALL_BYTES = 32 * 1024;

/** `undefined`: nobody may write here any more. Throws when the primary is away. */
export async function learnSpace(reader: Reader): Promise<SpaceKnowledge | undefined> {
  const { uid } = reader.space;
  const answer = await read(reader, [spaceStatement(uid), typesStatement(uid), headStatement(uid)]);
  const row = answer?.rows[0]?.[0];
  const head = answer?.rows[2]?.[0];
  if (answer === undefined || row === undefined || head === undefined) return undefined;
  const { state, settings } = decodeSpace(row);
  if (state !== "active") return undefined;
  const types = (answer.rows[1] ?? []).map(decodeType).map((type) => [type.type, type] as const);
  return {
    locales: settings.locales,
    types: new Map(types),
    known: { settings: Number(head["settings_pos"]), schema: Number(head["schema_pos"]) },
  };
}

export interface LoadedEntries {
  readonly entries: ReadonlyMap<string, LoadedEntry>;
  /** Types of the entries that are referred to, as far as they are there. */
  readonly targets: ReadonlyMap<string, string>;
  /** The space's head. */
  readonly position: Position;
}

/** `undefined`: no such space. Throws when the primary is away. */
export async function loadEntries(
  reader: Reader,
  ids: readonly string[],
  targets: readonly string[],
): Promise<LoadedEntries | undefined> {
  const { uid } = reader.space;
  const answer = await read(reader, [entriesStatement(uid, ids, SMALL_BYTES), targetsStatement(uid, targets)]);
  if (answer === undefined) return undefined;
  const entries = new Map<string, LoadedEntry>();
  for (const row of answer.rows[0] ?? []) {
    const id = String(row["id"]);
    const isLarge = row["type"] != null && row["fields"] == null;
    entries.set(id, decodeEntry(isLarge ? await loadLarge(reader, id) : row));
  }
  return { entries, targets: typesOf(answer.rows[1] ?? []), position: answer.position };
}

/** Types of those that are there. Throws when the primary is away. */
export async function loadTargets(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const answer = await read(reader, [targetsStatement(reader.space.uid, ids)]);
  return typesOf(answer?.rows[0] ?? []);
}

/** Whether this very import wrote the draft that an entry has now: a later line of the file did. */
export async function isOwnDraft(reader: Reader, id: string, job: string): Promise<boolean> {
  const { uid } = reader.space;
  const answer = await read(reader, [
    sql`select e.meta->>'requestId' as by from entries n join revision r on r.space = ${uid} and r.id = n.id and r.version = n.version
        join events e on e.space = ${uid} and e.position = r.position where n.space = ${uid} and n.id = ${id}`,
  ]);
  return answer?.rows[0]?.[0]?.["by"] === job;
}

function targetsStatement(uid: SpaceUid, ids: readonly string[]) {
  return sql`select t.id, e.type from unnest(${sql.param(ids)}::text[]) t(id)
      cross join lateral (select e.type from entries e where e.space = ${uid} and e.id = t.id offset 0) e`;
}

function typesOf(rows: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(rows.map((row) => [String(row["id"]), String(row["type"])]));
}

/** One that is gone meanwhile shows as absent, and its stream as having moved. */
async function loadLarge(reader: Reader, id: string): Promise<Row | undefined> {
  const answer = await read(reader, [entryStatement(reader.space.uid, id)]);
  return answer?.rows[0]?.[0];
}

async function read(reader: Reader, statements: Parameters<Reader["read"]>[0]): Promise<Answer | undefined> {
  const answer = await reader.read(statements);
  if (answer.ok) return answer.value;
  if (answer.fault.kind === "missing") return undefined;
  throw new Outage("postgres", "failed", { cause: answer.fault });
}
