// JSON Merge Patch, RFC 7396.
import { isObject, type Json } from "../../../kernel/json.ts";

/** Built from entries and not by assignment: a member called `__proto__` stays a member. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map<string, Json>(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}
