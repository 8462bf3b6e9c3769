// The dialect of JSON Schema 2020-12 that content types are written in: what is supported is listed, the rest is refused by name.
import { type FaultItem, quote } from "../../../kernel/fault.ts";
import { FIELD_NAME, RESERVED_FIELDS } from "../../../kernel/id.ts";
import { isObject, type Json, type JsonObject, member } from "../../../kernel/json.ts";
import { checkMarks, type Place } from "./field-dialect.ts";
import { propertiesOf } from "./field-facts.ts";
import { KEYWORDS } from "./keywords.ts";
import { pointerTo } from "./pointer.ts";

/** Schemas inside one content type's schema, itself included: bounds what judging an entry can cost. */
export const MAX_SUBSCHEMAS = 2_000;
export const MAX_FIELDS = 250;
/** More would say nothing new. */
const MAX_ITEMS = 100;

/** Steps of all patterns of a content type together: they are compiled, and kept, wherever one of its entries is judged. */
export const MAX_PATTERN_STEPS = 10_000;

/** How many steps a regular expression compiles to, and why it cannot be run in linear time here; no `why`: it can. */
export type PatternCheck = (pattern: string) => { readonly steps: number; readonly why?: string };

interface Walk {
  readonly items: FaultItem[];
  readonly measurePattern: PatternCheck;
  schemas: number;
  steps: number;
}

/** Everything that keeps `schema` from being a content type's schema. Pointers begin with `root`. */
export function checkSchema(schema: JsonObject, measurePattern: PatternCheck, root = "/schema"): readonly FaultItem[] {
  const walk: Walk = { items: [], measurePattern, schemas: 0, steps: 0 };
  checkRoot(walk, schema, root);
  checkNode(walk, schema, root, "root");
  if (walk.schemas > MAX_SUBSCHEMAS) {
    return [complaint(root, "schema-too-large", `The schema holds more than ${MAX_SUBSCHEMAS} schemas`)];
  }
  return walk.items.slice(0, MAX_ITEMS);
}

function checkRoot(walk: Walk, schema: JsonObject, pointer: string): void {
  if (member(schema, "type") !== "object") {
    walk.items.push(
      complaint(pointerTo(pointer, "type"), "keyword-value", 'A content type\'s schema must say "type": "object"'),
    );
  }
  const properties = member(schema, "properties");
  if (properties === undefined) {
    walk.items.push(
      complaint(pointerTo(pointer, "properties"), "keyword-value", 'A content type\'s schema must have "properties"'),
    );
  }
  const names = Object.keys(propertiesOf(schema));
  if (names.length > MAX_FIELDS) {
    walk.items.push(
      complaint(
        pointerTo(pointer, "properties"),
        "schema-too-large",
        `A content type has at most ${MAX_FIELDS} fields; found ${names.length}`,
      ),
    );
  }
  for (const name of names) {
    const why = whyNotField(name);
    if (why !== undefined) walk.items.push(complaint(pointerTo(pointer, "properties", name), "field-name", why));
  }
  const required = member(schema, "required");
  for (const name of Array.isArray(required) ? required : []) {
    const why = typeof name === "string" ? whyNotField(name) : undefined;
    if (why !== undefined) walk.items.push(complaint(pointerTo(pointer, "required"), "field-name", why));
  }
}

/** Why `fields` cannot have a member of this name. */
export function whyNotField(name: string): string | undefined {
  if (RESERVED_FIELDS.has(name)) return `Field name ${quote(name)} is reserved`;
  return FIELD_NAME.test(name)
    ? undefined
    : `Field name ${quote(name)} must be a letter and up to 63 letters, digits and underscores`;
}

function checkNode(walk: Walk, node: Json, pointer: string, place: Place): void {
  walk.schemas += 1;
  if (walk.schemas > MAX_SUBSCHEMAS || walk.items.length >= MAX_ITEMS) return;
  if (!isObject(node)) {
    walk.items.push(complaint(pointer, "keyword-value", `A schema must be an object here; found ${describe(node)}`));
    return;
  }
  for (const [name, value] of Object.entries(node)) checkKeyword(walk, name, value, pointerTo(pointer, name), place);
  walk.items.push(...checkMarks(node, pointer, place));
}

function checkKeyword(walk: Walk, name: string, value: Json, pointer: string, place: Place): void {
  const keyword = KEYWORDS.get(name);
  if (keyword !== undefined) {
    if (!keyword.accepts(value)) {
      walk.items.push(
        complaint(
          pointer,
          "keyword-value",
          `Keyword ${quote(name)} must be ${keyword.wants}; found ${describe(value)}`,
        ),
      );
    } else if (name === "pattern") checkPattern(walk, String(value), pointer);
    return;
  }
  switch (name) {
    case "properties":
      if (isObject(value)) {
        for (const [key, schema] of Object.entries(value)) {
          checkNode(walk, schema, pointerTo(pointer, key), place === "root" ? "field" : "inside");
        }
      } else wrongSchemas(walk, name, "an object of schemas", value, pointer);
      break;
    case "additionalProperties":
      if (typeof value !== "boolean") checkNode(walk, value, pointer, "inside");
      break;
    case "items":
      checkNode(walk, value, pointer, place === "field" ? "item" : "inside");
      break;
    case "anyOf":
    case "oneOf":
      if (Array.isArray(value) && value.length > 0) {
        for (const [i, schema] of value.entries()) checkNode(walk, schema, pointerTo(pointer, String(i)), "inside");
      } else wrongSchemas(walk, name, "a list of schemas", value, pointer);
      break;
    default:
      walk.items.push(complaint(pointer, "keyword-unsupported", `Keyword ${quote(name)} is not supported`));
  }
}

/** Compiling is what costs: once they are too many, the rest is not looked at. */
function checkPattern(walk: Walk, pattern: string, pointer: string): void {
  if (walk.steps > MAX_PATTERN_STEPS) return;
  const { steps, why } = walk.measurePattern(pattern);
  walk.steps += steps;
  if (why !== undefined)
    walk.items.push(complaint(pointer, "pattern-unsafe", `Pattern ${quote(pattern)} is not supported: ${why}`));
  if (walk.steps <= MAX_PATTERN_STEPS) return;
  const detail = `All patterns of a content type may compile to ${MAX_PATTERN_STEPS} steps together; with ${quote(pattern)} they pass that`;
  walk.items.push(complaint(pointer, "patterns-too-large", detail));
}

function wrongSchemas(walk: Walk, name: string, wanted: string, found: Json, pointer: string): void {
  walk.items.push(
    complaint(pointer, "keyword-value", `Keyword ${quote(name)} must be ${wanted}; found ${describe(found)}`),
  );
}

function complaint(pointer: string, code: string, detail: string): FaultItem {
  return { pointer, code, detail };
}

function describe(value: Json): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return isObject(value) ? "an object" : typeof value === "string" ? quote(value) : String(value);
}
