// A schema of the dialect, made ready: what one value must be is left to @cfworker/json-schema, how values nest is walked here
// (its own walk collects every violation by spreading arrays, and runs patterns on the platform's engine).
import type { Schema } from "@cfworker/json-schema";
import { isObject, type Json, type JsonObject, member } from "../../kernel/json.ts";
import { canonicalText } from "./canonical-text.ts";
import { compilePattern, type Pattern } from "./pattern.ts";

export interface Node {
  /** Keywords that look at one value by itself. */
  readonly own: Schema | undefined;
  readonly format: string | undefined;
  readonly pattern: Pattern | undefined;
  readonly values: readonly Values[];
  readonly required: readonly string[];
  readonly properties: ReadonlyMap<string, Node>;
  /** `undefined`: anything goes. */
  readonly additional: Node | false | undefined;
  readonly items: Node | undefined;
  readonly unique: boolean;
  readonly anyOf: readonly Node[] | undefined;
  readonly oneOf: readonly Node[] | undefined;
}

/** `enum` and `const`. */
export interface Values {
  readonly keyword: "enum" | "const";
  readonly scalars: ReadonlySet<Json>;
  readonly composites: readonly Json[];
  /** The composites as `canonicalText`. */
  readonly texts: ReadonlySet<string>;
}

const OWN = [
  "type",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
] as const;

export function compile(schema: JsonObject): Node {
  const own = Object.fromEntries(
    OWN.flatMap((name) => (member(schema, name) === undefined ? [] : [[name, member(schema, name)]])),
  );
  const pattern = member(schema, "pattern");
  const format = member(schema, "format");
  const additional = member(schema, "additionalProperties");
  const items = member(schema, "items");
  const required = member(schema, "required");
  const properties = member(schema, "properties");
  return {
    own: Object.keys(own).length > 0 ? own : undefined,
    format: typeof format === "string" ? format : undefined,
    pattern: typeof pattern === "string" ? compilePattern(pattern) : undefined,
    values: valuesOf(schema),
    required: Array.isArray(required) ? required.map(String) : [],
    properties: new Map(
      isObject(properties) ? Object.entries(properties).map(([name, each]) => [name, compileAny(each)]) : [],
    ),
    additional: additional === false ? false : isObject(additional) ? compile(additional) : undefined,
    items: isObject(items) ? compile(items) : undefined,
    unique: member(schema, "uniqueItems") === true,
    anyOf: alternativesOf(schema, "anyOf"),
    oneOf: alternativesOf(schema, "oneOf"),
  };
}

function compileAny(schema: Json): Node {
  return compile(isObject(schema) ? schema : {});
}

function alternativesOf(schema: JsonObject, keyword: "anyOf" | "oneOf"): readonly Node[] | undefined {
  const alternatives = member(schema, keyword);
  return Array.isArray(alternatives) ? alternatives.map((each: Json) => compileAny(each)) : undefined;
}

function valuesOf(schema: JsonObject): readonly Values[] {
  const constant = member(schema, "const");
  const listed = member(schema, "enum");
  return [
    ...(constant === undefined ? [] : [values("const", [constant])]),
    ...(Array.isArray(listed) ? [values("enum", listed)] : []),
  ];
}

function values(keyword: "enum" | "const", all: readonly Json[]): Values {
  const isScalar = (value: Json) => typeof value !== "object" || value === null;
  const composites = all.filter((value) => !isScalar(value));
  return { keyword, scalars: new Set(all.filter(isScalar)), composites, texts: new Set(composites.map(canonicalText)) };
}
