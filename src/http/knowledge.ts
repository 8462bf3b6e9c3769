// What this isolate knows of spaces: settings and types, each read in one snapshot. Every later snapshot proves it or sends us back.
import { type ContentType, decodeType, typesStatement } from "../contexts/authoring/authoring.ts";
import {
  decodeDirectory,
  decodeSpace,
  directoryStatement,
  type SpaceSettings,
  spaceStatement,
} from "../contexts/tenancy/tenancy.ts";
import type { Clock, Instant } from "../kernel/clock.ts";
import { SPACE_ID } from "../kernel/id.ts";
import type { Position } from "../kernel/position.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { SpaceRef } from "../kernel/scope.ts";
import type { Known } from "../platform/database/database.ts";
import type { Database } from "../platform/database/open-database.ts";
import type { Place } from "../platform/database/topology.ts";
import { memory } from "../platform/edge-cache/memory.ts";

export interface Knowledge {
  readonly space: SpaceRef;
  readonly alive: boolean;
  readonly settings: SpaceSettings;
  readonly types: ReadonlyMap<string, ContentType>;
  readonly known: Known;
  /** Of the snapshot that all this was read in. */
  readonly position: Position;
  readonly readAt: Instant;
}

/** `fresh` asks the primary, and falls back to what the nearest endpoint knows when the primary is away. */
export type Freshness = "cached" | "fresh";

/** Who wants to know: the database is asked at their expense. */
export interface Asker {
  readonly database: Database;
}

export interface KnowledgeCache {
  /** `undefined`: there is no such space. */
  find(
    id: string,
    place: Place | undefined,
    freshness: Freshness,
    asker?: Asker,
  ): Promise<Result<Knowledge | undefined>>;
}

/** Characters of types as JSON; in memory they are a few times that. */
const MOST_REMEMBERED = 16 * 1024 * 1024;

function sizeOf(types: Knowledge["types"]): number {
  let size = 0;
  for (const { document, shape } of types.values())
    size += JSON.stringify(document).length + JSON.stringify(shape).length;
  return size;
}

export function knowledgeCache(shared: Database, clock: Clock): KnowledgeCache {
  // An isolate has 128 MB for everything, and a space's types may be four of them.
  const byId = memory<Knowledge>(1_000, { most: MOST_REMEMBERED, of: ({ types }) => 1_000 + sizeOf(types) });

  async function locate(
    database: Database,
    id: string,
    place: Place | undefined,
    freshness: Freshness,
  ): Promise<Result<SpaceRef | undefined>> {
    const statement = directoryStatement(id);
    const nearby = freshness === "cached" ? await database.homeNearby(statement, place) : undefined;
    // A reader that has not heard of the space yet does not decide: the primary does.
    let rows = nearby?.ok && nearby.value.length > 0 ? nearby : await database.home.call(statement);
    if (!rows.ok) rows = await database.homeNearby(statement, place);
    if (!rows.ok) return rows;
    const row = rows.value[0];
    return ok(row === undefined ? undefined : decodeDirectory(row));
  }

  async function load(
    database: Database,
    space: SpaceRef,
    place: Place | undefined,
    freshness: Freshness,
  ): Promise<Result<Knowledge | undefined>> {
    const statements = [spaceStatement(space.uid), typesStatement(space.uid)];
    const ask = (from: "primary" | "nearest") =>
      database.snapshot({ space, from, place, caller: "request" }, statements);
    let found = await ask(freshness === "fresh" ? "primary" : "nearest");
    if (!found.ok && found.fault.kind === "unavailable" && freshness === "fresh") found = await ask("nearest");
    if (!found.ok) return found.fault.kind === "missing" ? ok(undefined) : found;
    const { rows, head } = found.value;
    const row = rows[0]?.[0];
    if (row === undefined) return ok(undefined);
    const { settings, state } = decodeSpace(row);
    const types = new Map((rows[1] ?? []).map((each) => decodeType(each)).map((type) => [type.type, type]));
    const knowledge = {
      space: { ...space, epoch: head.epoch },
      alive: state === "active",
      settings,
      types,
      known: head,
      position: head.position,
      readAt: clock.now(),
    };
    byId.set(space.id, knowledge);
    return ok(knowledge);
  }

  return {
    async find(id, place, freshness, asker) {
      const database = asker?.database ?? shared;
      if (!SPACE_ID.test(id)) return ok(undefined);
      const known = byId.get(id);
      if (known && freshness === "cached") return ok(known);
      const space = known ? ok(known.space) : await locate(database, id, place, freshness);
      if (!space.ok) return space;
      return space.value === undefined ? ok(undefined) : await load(database, space.value, place, freshness);
    },
  };
}
