// A content type's schema as a schema of what is stored: a localized field's value is an object of locales.
import { isObject, type Json, type JsonObject, member } from "../../../kernel/json.ts";
import { propertiesOf } from "./field-facts.ts";

/** Plain JSON Schema over `fields`; names that are no locale are `checkFields`' affair. */
export function storedSchema(schema: JsonObject, locales: readonly string[]): JsonObject {
  const properties = Object.entries(propertiesOf(schema)).map(([name, field]): [string, Json] => [
    name,
    storedField(field, locales),
  ]);
  return { ...schema, properties: Object.fromEntries(properties) };
}

function storedField(field: Json, locales: readonly string[]): Json {
  if (!isObject(field) || member(field, "x-localized") !== true) return field;
  return { type: "object", properties: Object.fromEntries(locales.map((locale) => [locale, field])) };
}

/** Names of the fields that the schema requires. */
export function requiredOf(schema: JsonObject): readonly string[] {
  const required = member(schema, "required");
  return Array.isArray(required) ? required.map(String) : [];
}
