// Violations as sentences: what was wanted, what was found.
import type { Schema } from "@cfworker/json-schema";
import { quote } from "../../kernel/fault.ts";
import { isObject, type Json } from "../../kernel/json.ts";

export function explain(keyword: string, schema: Schema, value: Json): string {
  return `Must be ${wanted(keyword, schema)}; found ${found(keyword, value)}`;
}

function wanted(keyword: string, schema: Schema): string {
  switch (keyword) {
    case "type":
      return [schema.type].flat().join(" or ");
    case "minimum":
      return `at least ${schema.minimum}`;
    case "maximum":
      return `at most ${schema.maximum}`;
    case "exclusiveMinimum":
      return `more than ${schema.exclusiveMinimum}`;
    case "exclusiveMaximum":
      return `less than ${schema.exclusiveMaximum}`;
    case "multipleOf":
      return `a multiple of ${schema.multipleOf}`;
    case "minLength":
      return `at least ${schema.minLength} characters long`;
    case "maxLength":
      return `at most ${schema.maxLength} characters long`;
    case "minItems":
      return `a list of at least ${schema.minItems}`;
    case "maxItems":
      return `a list of at most ${schema.maxItems}`;
    default:
      return `as ${quote(keyword)} says`;
  }
}

function found(keyword: string, value: Json): string {
  if (typeof value === "string" && keyword !== "type") return `${Array.from(value).length}`;
  if (Array.isArray(value)) return keyword === "type" ? "a list" : `${value.length}`;
  return nameType(value);
}

export function nameType(value: Json): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "an object" : String(value);
}
