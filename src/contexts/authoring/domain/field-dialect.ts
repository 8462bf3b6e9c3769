// The x- keywords: on which schemas they may stand, and with what beside them.
import { type FaultItem, quote } from "../../../kernel/fault.ts";
import { type JsonObject, member } from "../../../kernel/json.ts";
import { itemsOf, kindOf } from "./field-facts.ts";
import { pointerTo } from "./pointer.ts";

/** Where a schema stands: the type's own, a field's, that of a field's items, or anywhere below. */
export type Place = "root" | "field" | "item" | "inside";

const MARKS = ["x-localized", "x-indexed", "x-searchable", "x-reference"] as const;

/** A keyword of another kind than it should have is the dialect's complaint, not ours. */
export function checkMarks(schema: JsonObject, pointer: string, place: Place): readonly FaultItem[] {
  const misplaced = (at: string, mark: string, why: string) => ({
    pointer: at,
    code: "keyword-misplaced",
    detail: `Keyword ${quote(mark)} ${why}`,
  });
  const items = MARKS.flatMap((mark) => {
    const value = member(schema, mark);
    if (value === undefined || value === false) return [];
    const why = whyNot(mark, schema, place);
    return why === undefined ? [] : [misplaced(pointerTo(pointer, mark), mark, why)];
  });
  if (place !== "field" || member(itemsOf(schema), "x-reference") === undefined || kindOf(schema).array) return items;
  return [
    ...items,
    misplaced(pointerTo(pointer, "items", "x-reference"), "x-reference", 'needs "type": "array" on the field'),
  ];
}

function whyNot(mark: (typeof MARKS)[number], schema: JsonObject, place: Place): string | undefined {
  const { kind, array } = kindOf(schema);
  if (mark !== "x-reference" && place !== "field") return "is supported only on a field";
  switch (mark) {
    case "x-localized":
      return member(itemsOf(schema), "x-reference") === undefined ? undefined : 'cannot stand beside "x-reference"';
    case "x-indexed":
      return kind === "other"
        ? "needs a type that can be compared: string, number, integer, boolean, or a list of one of these"
        : undefined;
    case "x-searchable":
      return kind === "text" ? undefined : 'needs "type": "string", or a list of these';
    case "x-reference":
      if (place !== "field" && place !== "item") return "is supported only on a field and on the items of a field";
      if (array) return "belongs on the items of a list";
      if (kind !== "text") return 'needs "type": "string"';
      return member(schema, "x-localized") === true ? 'cannot stand beside "x-localized"' : undefined;
  }
}
