// Whether an entry's `fields` are what its content type asks for.
import { type Fault, type FaultItem, fault } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type ContentType, underWay } from "./content-type.ts";
import { factsOf } from "./domain/field-facts.ts";
import { checkFields, whyTooLarge } from "./domain/field-rules.ts";
import { requiredOf, storedSchema } from "./domain/stored-schema.ts";
import type { SchemaEngine } from "./schema-engine.ts";

/** More would say nothing new. */
const MAX_ITEMS = 100;

/** Made once for each schema object and list of locales, and forgotten with the schema: its content type was saved again. */
const stored = new WeakMap<JsonObject, { readonly locales: string; readonly schema: JsonObject }>();

/** Refuses with `invalid`/`fields-too-large` or `schema-violation`, one item for each violation. */
export function whyNotFields(
  schemas: SchemaEngine,
  type: Pick<ContentType, "type" | "document">,
  locales: readonly string[],
  fields: JsonObject,
): Fault | undefined {
  const tooLarge = whyTooLarge(fields);
  if (tooLarge !== undefined) return tooLarge;
  const items = violationsOf(schemas, type.document.schema, locales, fields, MAX_ITEMS);
  if (items.length === 0) return undefined;
  const [first] = items;
  const more = items.length > 1 ? ` (and ${items.length - 1} more)` : "";
  return fault(
    "invalid",
    "schema-violation",
    `The fields break the schema of "${type.type}": ${first?.pointer} ${lower(first?.detail)}${more}`,
    { errors: items },
  );
}

/** The same by the schema that a check is under way for. */
export function whyNotPending(
  schemas: SchemaEngine,
  type: Pick<ContentType, "type" | "pending">,
  locales: readonly string[],
  fields: JsonObject,
): Fault | undefined {
  const pending = underWay(type);
  if (pending === undefined) return undefined;
  const why = whyNotFields(schemas, { type: type.type, document: pending.document }, locales, fields);
  if (why === undefined) return undefined;
  const detail = `While a check of the next schema of "${type.type}" is under way, that counts too. ${why.detail}`;
  return { ...why, detail };
}

export function violationsOf(
  schemas: SchemaEngine,
  schema: JsonObject,
  locales: readonly string[],
  fields: JsonObject,
  most: number,
): readonly FaultItem[] {
  const ours = checkFields(factsOf(schema), requiredOf(schema), locales, fields);
  if (ours.length >= most) return ours.slice(0, most);
  return [...ours, ...schemas.violations(storedSchemaOf(schema, locales), fields, "/fields", most - ours.length)];
}

function storedSchemaOf(schema: JsonObject, locales: readonly string[]): JsonObject {
  const key = locales.join(" ");
  const known = stored.get(schema);
  if (known?.locales === key) return known.schema;
  const made = { locales: key, schema: storedSchema(schema, locales) };
  stored.set(schema, made);
  return made.schema;
}

function lower(sentence = ""): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
