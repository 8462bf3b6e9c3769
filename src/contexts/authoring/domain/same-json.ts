// Whether two JSON values say the same, whatever the order of their members: what "changes nothing" means.
import { isObject, type Json, member } from "../../../kernel/json.ts";

/** Numbers by value (`1.0` is `1`, `-0` is `0`), as canonical JSON (RFC 8785) writes them. */
export function sameJson(left: Json, right: Json): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) && left.length === right.length && left.every((item: Json, i) => sameJson(item, right[i]))
    );
  }
  if (!isObject(left) || !isObject(right)) return false;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length && names.every((name) => sameMember(left[name], member(right, name)))
  );
}

function sameMember(left: Json | undefined, right: Json | undefined): boolean {
  return left !== undefined && right !== undefined && sameJson(left, right);
}
