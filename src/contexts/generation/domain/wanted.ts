// What a provider is asked for, and what of its answer is taken: members that the content type has, and nothing else of what a stranger wrote.
import { isObject, isStorable, type Json, type JsonObject, member } from "../../../kernel/json.ts";

/** A content type as far as drafting needs it. */
export interface Draftable {
  readonly schema: JsonObject;
  readonly fields: readonly { readonly name: string; readonly localized: boolean; readonly reference?: string }[];
}

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Required fields that nobody can invent: they refer to entries. */
export function notDraftable({ schema, fields }: Draftable): readonly string[] {
  const required = member(schema, "required");
  const names = Array.isArray(required) ? required : [];
  return fields
    .filter(({ name, reference }) => reference !== undefined && names.includes(name))
    .map(({ name }) => name);
}

/** The type's schema as the answer is to have it: in one locale, without references and without words of ours. */
export function answerSchema({ schema, fields }: Draftable): JsonObject {
  const properties = member(schema, "properties");
  const asked = fields.filter(({ reference }) => reference === undefined).map(({ name }) => name);
  const required = member(schema, "required");
  return {
    type: "object",
    properties: Object.fromEntries(
      asked.map((name) => [name, plain(isObject(properties) ? (member(properties, name) ?? {}) : {})]),
    ),
    required: Array.isArray(required) ? required.filter((name) => asked.includes(String(name))) : [],
    additionalProperties: false,
  };
}

/** Keywords `x-…` are ours. Names of properties are not keywords. */
function plain(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(plain);
  if (!isObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => !keyword.startsWith("x-"))
      .map(([keyword, value]) => {
        if (keyword === "properties" && isObject(value))
          return [keyword, Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))];
        return ["enum", "const", "default"].includes(keyword) ? [keyword, value] : [keyword, plain(value)];
      }),
  );
}

export function messagesOf(
  type: { readonly name: string; readonly schema: JsonObject },
  { brief, locale }: { readonly brief: string; readonly locale: string },
): readonly Message[] {
  const system = [
    `You draft entries of the content type ${JSON.stringify(type.name)} for an editor who will revise them.`,
    `Write in the language of the locale ${JSON.stringify(locale)} (BCP 47). Long texts are Markdown.`,
    "Answer with one JSON object and nothing else. It satisfies this JSON Schema:",
    JSON.stringify(type.schema),
  ].join("\n");
  return [
    { role: "system", content: system },
    { role: "user", content: brief },
  ];
}

const SHOWN_AGAIN = 20_000;

/** The one chance to do better. */
export function repairOf(before: readonly Message[], answer: string, wrong: readonly string[]): readonly Message[] {
  const content = `This does not satisfy the schema:\n${wrong.join("\n")}\nAnswer with the whole corrected JSON object and nothing else.`;
  return [...before, { role: "assistant", content: answer.slice(0, SHOWN_AGAIN) }, { role: "user", content }];
}

export type Read = { readonly ok: true; readonly fields: JsonObject } | { readonly ok: false; readonly why: string };

const DEEPEST = 32;

/**
 * Takes the type's own fields out of what was answered, by name: what else stands there, `__proto__` included, goes nowhere. A null is left out,
 * as one that is not known.
 */
export function fieldsOf(answer: Json, { fields }: Draftable, locale: string): Read {
  if (!isObject(answer)) return { ok: false, why: "It is no JSON object" };
  const taken: [string, Json][] = [];
  for (const { name, localized, reference } of fields) {
    const value = member(answer, name);
    if (reference !== undefined || value === undefined || value === null) continue;
    if (isDeeper(value, DEEPEST - 2)) return { ok: false, why: `The value of ${name} is nested too deeply` };
    if (!isInRange(value)) return { ok: false, why: `The value of ${name} holds a number that is out of range` };
    taken.push([name, localized ? { [locale]: value } : value]);
  }
  const found = Object.fromEntries(taken);
  // Before anything of it is quoted: what is wrong with it is kept.
  return isStorable(textsOf(found).join(""))
    ? { ok: true, fields: found }
    : { ok: false, why: "It holds characters that no text may hold" };
}

function isDeeper(value: Json, most: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return most === 0 || Object.values(value).some((each: Json) => isDeeper(each, most - 1));
}

/** JSON's 1e999 is read as Infinity, which would be kept as null. */
function isInRange(value: Json): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every((each: Json) => isInRange(each));
}

/** Names of members too. */
function textsOf(value: Json): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]: [string, Json]) => [name, ...textsOf(each)]);
}
