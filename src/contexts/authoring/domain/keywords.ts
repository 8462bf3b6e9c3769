// The keywords of JSON Schema 2020-12 that take a plain value, and what that value must be.
import { TYPE_NAME } from "../../../kernel/id.ts";
import type { Json } from "../../../kernel/json.ts";

export interface Keyword {
  readonly wants: string;
  accepts(value: Json): boolean;
}

export const FORMATS: ReadonlySet<string> = new Set(["date-time", "date", "uri", "email", "uuid"]);
const TYPES: ReadonlySet<Json> = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);

/** Values of one `enum`. */
export const MAX_ENUM = 1_000;

const count: Keyword = {
  wants: "a whole number from 0",
  accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};
const number: Keyword = { wants: "a number", accepts: (value) => typeof value === "number" };
const flag: Keyword = { wants: "true or false", accepts: (value) => typeof value === "boolean" };
const text: Keyword = { wants: "text", accepts: (value) => typeof value === "string" };
const anything: Keyword = { wants: "a value", accepts: () => true };

export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ["type", { wants: `one of ${[...TYPES].join(", ")}, or a list of different ones`, accepts: isType }],
  [
    "required",
    {
      wants: "a list of different names",
      accepts: (value) => isSet(value) && value.every((name) => typeof name === "string"),
    },
  ],
  [
    "enum",
    {
      wants: `a list of 1 to ${MAX_ENUM} values`,
      accepts: (value) => Array.isArray(value) && value.length > 0 && value.length <= MAX_ENUM,
    },
  ],
  ["const", anything],
  ["default", anything],
  ["minimum", number],
  ["maximum", number],
  ["exclusiveMinimum", number],
  ["exclusiveMaximum", number],
  ["multipleOf", { wants: "a number above 0", accepts: (value) => typeof value === "number" && value > 0 }],
  ["minLength", count],
  ["maxLength", count],
  ["minItems", count],
  ["maxItems", count],
  ["uniqueItems", flag],
  ["pattern", text],
  [
    "format",
    { wants: `one of ${[...FORMATS].join(", ")}`, accepts: (value) => typeof value === "string" && FORMATS.has(value) },
  ],
  ["title", text],
  ["description", text],
  ["x-localized", flag],
  ["x-indexed", flag],
  ["x-searchable", flag],
  [
    "x-reference",
    { wants: "the name of a content type", accepts: (value) => typeof value === "string" && TYPE_NAME.test(value) },
  ],
]);

function isSet(value: Json): value is readonly Json[] {
  return Array.isArray(value) && new Set(value).size === value.length;
}

function isType(value: Json): boolean {
  return TYPES.has(value) || (isSet(value) && value.length > 0 && value.every((each) => TYPES.has(each)));
}
