// The entries that an entry's fields refer to.
import type { JsonObject } from "../../kernel/json.ts";
import { member } from "../../kernel/json.ts";
import type { ReferenceRow } from "../../platform/event-log/commit.ts";
import type { TypeShape } from "../delivery/delivery.ts";

/** Paths are JSON Pointers inside `fields`; field names need no escaping in them. */
export function referencesOf(shape: TypeShape, fields: JsonObject): readonly ReferenceRow[] {
  return shape.fields.flatMap(({ name, reference }) => {
    if (reference === undefined) return [];
    const value = member(fields, name);
    if (typeof value === "string") return [{ path: `/${name}`, target: value, type: reference }];
    if (!Array.isArray(value)) return [];
    return value.flatMap((target, i) =>
      typeof target === "string" ? [{ path: `/${name}/${i}`, target, type: reference }] : [],
    );
  });
}
