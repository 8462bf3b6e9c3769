// Equal for equal values, whatever the order of members: what `enum`, `const` and `uniqueItems` compare.
import { isObject, type Json } from "../../kernel/json.ts";

export function canonicalText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalText(item)).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${canonicalText(each)}`);
  return `{${members.sort().join()}}`;
}
