// What a content type's schema says of each field as a whole: how its values compare, and what the x- keywords make of it.
import { isObject, type Json, type JsonObject, member } from "../../../kernel/json.ts";

export type FieldKind = "number" | "boolean" | "time" | "text" | "other";

export interface FieldFacts {
  readonly name: string;
  readonly kind: FieldKind;
  readonly array: boolean;
  readonly localized: boolean;
  /** `x-indexed` or `x-reference`. */
  readonly indexed: boolean;
  readonly searchable: boolean;
  /** The type of the entries that the field refers to. */
  readonly reference?: string;
}

/** Of a schema that the dialect accepts, in the order of its properties. */
export function factsOf(schema: JsonObject): readonly FieldFacts[] {
  return Object.entries(propertiesOf(schema)).map(([name, property]) => {
    const field = isObject(property) ? property : {};
    const { kind, array } = kindOf(field);
    const items = array ? itemsOf(field) : field;
    const reference = member(items, "x-reference");
    return {
      name,
      kind,
      array,
      localized: member(field, "x-localized") === true,
      indexed: member(field, "x-indexed") === true || typeof reference === "string",
      searchable: member(field, "x-searchable") === true,
      ...(typeof reference === "string" ? { reference } : {}),
    };
  });
}

export function propertiesOf(schema: JsonObject): JsonObject {
  const properties = member(schema, "properties");
  return isObject(properties) ? properties : {};
}

export function itemsOf(schema: JsonObject): JsonObject {
  const items = member(schema, "items");
  return isObject(items) ? items : {};
}

/** How the values of a field, or of its items, compare. `null` beside another type does not matter: it counts as absent. */
export function kindOf(schema: JsonObject): { readonly kind: FieldKind; readonly array: boolean } {
  const types = typesOf(schema);
  if (types.length === 1 && types[0] === "array") return { kind: scalarKindOf(itemsOf(schema)), array: true };
  return { kind: scalarKindOf(schema), array: false };
}

function scalarKindOf(schema: JsonObject): FieldKind {
  const kinds = new Set(typesOf(schema).map(kindOfType));
  const [kind] = kinds;
  if (kind === undefined || kinds.size > 1) return "other";
  return kind === "text" && member(schema, "format") === "date-time" ? "time" : kind;
}

/** As `type` says, else as the values of `const` or `enum` show. */
function typesOf(schema: JsonObject): readonly string[] {
  const type = member(schema, "type");
  const said = typeof type === "string" ? [type] : Array.isArray(type) ? type.map(String) : shownBy(schema);
  return said.filter((each) => each !== "null");
}

function shownBy(schema: JsonObject): readonly string[] {
  const constant = member(schema, "const");
  const values = member(schema, "enum");
  const shown: readonly Json[] = constant === undefined ? (Array.isArray(values) ? values : []) : [constant];
  return shown.map((value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value));
}

function kindOfType(type: string): FieldKind {
  switch (type) {
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    case "string":
      return "text";
    default:
      return "other";
  }
}
