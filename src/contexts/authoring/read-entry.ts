// One entry's latest draft, from the primary.
import { sql } from "drizzle-orm";
import type { JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import { entryMissing } from "./domain/entry-decisions.ts";
import { decodeEntry, entryView } from "./entry-row.ts";
import { etagOf } from "./preconditions.ts";

export interface Read<View> {
  readonly view: View;
  readonly position: Position;
  readonly source: string;
}

/** Refuses with `missing`/`entry-missing`. */
export async function getEntry(
  scope: Scope<{ readonly reader: Reader }>,
  id: string,
): Promise<Result<Read<JsonObject> & { readonly etag: string }>> {
  const answer = await scope.data.reader.read([
    sql`select e.revision as stream_version, e.type, e.slug, e.status, e.fields, e.version, e.published_version,
          e.created_at, e.updated_at, e.published_at, e.created_by, e.updated_by
        from entries e where e.space = ${scope.space.uid} and e.id = ${id}`,
  ]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const { entry, stamps } = decodeEntry(rows[0]?.[0]);
  if (entry.is === "absent" || stamps === undefined) return refuse({ ...entryMissing(id), position });
  return ok({ view: entryView(id, entry, stamps), etag: etagOf(scope.space, entry.revision), position, source });
}
