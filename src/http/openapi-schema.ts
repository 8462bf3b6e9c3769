// What schemas in the OpenAPI document leave open is bounded here by what holds for every request and answer.
import type { ZodOpenApiOverride } from "zod-openapi";
import { isObject, type Json, type JsonObject } from "../kernel/json.ts";

/** No text is longer than a body of 1 MiB, in bytes or in characters. */
export const TEXT_MOST = 1_048_576;
/** At most 6 MiB of answer, at least two bytes for each item. */
const ITEMS_MOST = 3_145_728;
/** Members that hold values, not schemas. */
const VALUES: ReadonlySet<string> = new Set(["example", "examples", "default", "const", "enum"]);

const SCHEMA_IN_VALUE = /"type":"(?:string|integer|array)"/;

/** Answers may gain members any day; requests are refused for unknown ones. */
export const openAnswers: ZodOpenApiOverride = ({ jsonSchema, io }) => {
  if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
};

/** The same document with every schema in it bounded. */
export function bounded(part: Json): Json {
  if (Array.isArray(part)) return part.map((each: Json) => bounded(each));
  if (!isObject(part)) return part;
  const { examples } = part;
  if (examples !== undefined && SCHEMA_IN_VALUE.test(JSON.stringify(examples))) return bounded(toldInWords(part));
  const inside = Object.entries(part).map(([name, each]) => {
    if (name === "properties" && isObject(each)) return [name, mapped(each)] as const;
    return [name, VALUES.has(name) ? each : bounded(each)] as const;
  });
  return { ...boundsOf(part), ...Object.fromEntries(inside) };
}

/** Here names are the schema's own and mean nothing to us. */
function mapped(properties: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, bounded(schema)]));
}

/** A content type holds a JSON Schema: as an example of one it would be taken for a part of this document. */
function toldInWords({ examples, description, ...schema }: JsonObject): JsonObject {
  const texts = [examples ?? []].flat().map((example) => `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``);
  return { ...schema, description: [description ?? "", "For example:", ...texts].join("\n\n").trim() };
}

function boundsOf(schema: JsonObject): JsonObject {
  const types = [schema["type"]].flat();
  const has = (...keywords: readonly string[]): boolean => keywords.some((keyword) => schema[keyword] !== undefined);
  return {
    ...(types.includes("string") && !has("enum", "const") ? { maxLength: TEXT_MOST } : {}),
    ...(types.includes("array") ? { maxItems: ITEMS_MOST } : {}),
    ...(types.includes("integer") ? { format: "int64" } : {}),
    ...(types.includes("integer") && !has("exclusiveMinimum") ? { minimum: Number.MIN_SAFE_INTEGER } : {}),
    ...(types.includes("integer") && !has("exclusiveMaximum") ? { maximum: Number.MAX_SAFE_INTEGER } : {}),
  };
}
