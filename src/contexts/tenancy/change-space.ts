// Changes a space's settings, or ends it.
import { sql } from "drizzle-orm";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope, SpaceRef } from "../../kernel/scope.ts";
import { handle } from "../../platform/event-log/handle.ts";
import type { Writer, Written } from "../../platform/event-log/writer.ts";
import { decodeDirectory, everMadeStatement, markDeletedStatement } from "./directory.ts";
import type { SpaceSettings } from "./domain/space.ts";
import { decideSpace, spaceMissing } from "./domain/space-decisions.ts";
import { checkMatch, type IfMatch } from "./precondition.ts";
import { findMadeSpace, getSpace, type Registry } from "./registry.ts";
import { decodeSpace, etagOf, type SpaceTimes, spaceStatement, spaceView, stateOf } from "./space.ts";

export interface ChangeSpace {
  readonly id: string;
  /** Merge patch over the settings; its members and their types were checked. */
  readonly patch: JsonObject;
  readonly ifMatch: IfMatch;
}

export async function changeSpace(
  scope: Scope<Registry>,
  { id, patch, ifMatch }: ChangeSpace,
): Promise<Result<Written>> {
  // Asked first for its epoch: what a writer announces is announced of one life of the space.
  const found = await getSpace(scope, { id });
  if (!found.ok) return found;
  const { ref } = found.value;
  const writer = scope.data.writerOf(ref);
  return await handle(() => attemptChange(writer, ref, patch, ifMatch));
}

async function attemptChange(
  writer: Writer,
  ref: SpaceRef,
  patch: JsonObject,
  ifMatch: IfMatch,
): Promise<Result<Written>> {
  const loaded = await writer.load([
    spaceStatement(ref.uid),
    sql`select schema_pos, exists (select from types t where t.space = ${ref.uid}) as has_types from space_head h where h.space = ${ref.uid}`,
  ]);
  if (!loaded.ok) return loaded.fault.kind === "missing" ? refuse(spaceMissing(ref.id)) : loaded;
  const [[row] = [], [schema] = []] = loaded.value.rows;
  if (row === undefined || schema === undefined) return refuse(spaceMissing(ref.id));
  const record = decodeSpace(row);
  if (record.state !== "active") return refuse(spaceMissing(ref.id));
  const met = checkMatch(ifMatch, etagOf(record.epoch, record.revision), `space "${ref.id}"`);
  if (!met.ok) return met;
  const hasTypes = schema["has_types"] === true;
  const decided = decideSpace({ type: "ChangeSpace", patch, hasTypes }, stateOf(record), ref.id);
  if (!decided.ok) return decided;

  const answer = (settings: SpaceSettings, revision: number, times: SpaceTimes) => ({
    view: spaceView(ref, settings, times),
    etag: etagOf(record.epoch, revision),
  });
  const event = decided.value[0];
  if (event === undefined || event.type === "SpaceDeleted") {
    return ok(writer.unchanged(answer(record.settings, record.revision, record), loaded.value.position));
  }
  const { settings } = event.data;
  const revision = record.revision + 1;
  return await writer.commit(
    {
      streams: [{ i: 0, id: "space", x: record.revision, n: 1 }],
      events: [
        {
          n: 1,
          stream: "space",
          version: revision,
          type: event.type,
          schema: 1,
          data: { settings },
          tags: ["settings"],
        },
      ],
      settings: { id: ref.id, state: "active", document: settings, revision },
      moved: { settings: 1 },
      // A content type saved meanwhile would rest on locales that are no longer there.
      schemaAt: schema["schema_pos"] as number,
    },
    answer(settings, revision, { createdAt: record.createdAt, updatedAt: writer.marks.at }),
  );
}

export async function deleteSpace(
  scope: Scope<Registry>,
  { id, ifMatch }: { readonly id: string; readonly ifMatch: IfMatch },
): Promise<Result<Written>> {
  const { home, writerOf } = scope.data;
  const rows = await home.call(everMadeStatement(id));
  if (!rows.ok) return rows;
  const row = rows.value[0];
  if (row === undefined) return refuse(spaceMissing(id));
  const found = await findMadeSpace(scope.data, decodeDirectory(row));
  if (!found.ok) return found;
  if (found.value === undefined) return refuse(spaceMissing(id));
  const { ref } = found.value;
  // Opened for a deleted space too: whoever repeats a deletion under its Idempotency-Key is told what was answered then.
  const writer = writerOf(ref);
  const deleted = await handle(() => attemptDelete(writer, ref, ifMatch));
  // The shard decides; the directory only follows, now or when somebody asks to delete the space once more.
  if (deleted.ok || deleted.fault.code === "space-missing") await home.call(markDeletedStatement(ref.uid));
  return deleted;
}

async function attemptDelete(writer: Writer, ref: SpaceRef, ifMatch: IfMatch): Promise<Result<Written>> {
  const loaded = await writer.load([spaceStatement(ref.uid)]);
  if (!loaded.ok) return loaded.fault.kind === "missing" ? refuse(spaceMissing(ref.id)) : loaded;
  const row = loaded.value.rows[0]?.[0];
  if (row === undefined) return refuse(spaceMissing(ref.id));
  const record = decodeSpace(row);
  const decided = decideSpace({ type: "DeleteSpace" }, stateOf(record), ref.id);
  if (!decided.ok) return decided;
  const met = checkMatch(ifMatch, etagOf(record.epoch, record.revision), `space "${ref.id}"`);
  if (!met.ok) return met;
  const revision = record.revision + 1;
  return await writer.commit(
    {
      streams: [{ i: 0, id: "space", x: record.revision, n: 1 }],
      events: [
        { n: 1, stream: "space", version: revision, type: "SpaceDeleted", schema: 1, data: {}, tags: ["settings"] },
      ],
      settings: { id: ref.id, state: "deleted", document: record.settings, revision },
      moved: { settings: 1 },
    },
    {},
  );
}
