// Content types as editors read them: one, and all of a space.
import { sql } from "drizzle-orm";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import { decodeType, typesStatement } from "./content-type.ts";
import { typeMissing } from "./domain/type-decisions.ts";
import { etagOf } from "./preconditions.ts";
import type { Read } from "./read-entry.ts";
import { typeView } from "./type-row.ts";

type Asked = Scope<{ readonly reader: Reader }>;

/** Refuses with `missing`/`type-missing`. */
export async function getType(
  scope: Asked,
  type: string,
): Promise<Result<Read<JsonObject> & { readonly etag: string }>> {
  const answer = await scope.data.reader.read([
    sql`select type, revision, position, document, shape, created_at, updated_at from types where space = ${scope.space.uid} and type = ${type}`,
  ]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const row = rows[0]?.[0];
  if (row === undefined) return refuse({ ...typeMissing(type), position });
  const found = decodeType(row);
  return ok({
    view: typeView(type, found.document, found.shape, found),
    etag: etagOf(scope.space, found.revision),
    position,
    source,
  });
}

/** All of them, by name: together they are bounded (see `MAX_TYPES_BYTES`), so there is one page. */
export async function listTypes(scope: Asked): Promise<Result<Read<readonly JsonObject[]>>> {
  const answer = await scope.data.reader.read([typesStatement(scope.space.uid)]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const view = (rows[0] ?? []).map(decodeType).map((found) => typeView(found.type, found.document, found.shape, found));
  return ok({ view, position, source });
}
