// What of an entry is text to be analysed, and as what: decided by the names and limits in its content type's schema. docs/guides/insight.md
// says the same to clients.
import { isObject, type Json, type JsonObject, member } from "../../../kernel/json.ts";

/** A text and the locale that it is written in: a reader of one locale may be given text of the default one. */
export interface Passage {
  readonly text: string;
  readonly locale: string;
}

export interface Roles {
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** Markdown, in the schema's order. */
  readonly bodies: readonly string[];
  /** Words that the entry wants to be found by. */
  readonly keywords: string | undefined;
  readonly localized: ReadonlySet<string>;
}

/** As a reader of one locale is given them. `undefined`: the type has no such field. */
export interface Passages {
  readonly title: Passage | undefined;
  readonly description: Passage | undefined;
  readonly bodies: readonly Passage[] | undefined;
  readonly keywords: readonly string[] | undefined;
}

const TITLES = ["title", "name", "headline", "heading"];
const DESCRIPTIONS = ["description", "metadescription", "seodescription", "summary", "excerpt", "teaser", "abstract"];
const KEYWORDS = ["focuskeyword", "keyword", "keywords", "tags"];
/** Text that may be longer is a body. */
const SHORT = 300;
const MOST_KEYWORDS = 5;
const LONGEST_KEYWORD = 100;

export function rolesOf(schema: JsonObject): Roles {
  const properties = member(schema, "properties");
  const all = Object.entries(isObject(properties) ? properties : {}).flatMap(([name, field]) =>
    isObject(field) ? [{ name, field }] : [],
  );
  const texts = all.filter(({ field }) => isText(field));
  const called = (names: readonly string[], among: typeof all): string | undefined =>
    names.flatMap((name) => among.find((each) => wordOf(each.name) === name)?.name ?? [])[0];
  const title = called(TITLES, texts);
  const description = called(DESCRIPTIONS, texts);
  const keywords = called(
    KEYWORDS,
    all.filter(({ field }) => isText(field) || isTextList(field)),
  );
  const taken = new Set([title, description, keywords]);
  const bodies = texts.filter(({ name, field }) => !taken.has(name) && isLong(field)).map(({ name }) => name);
  const localized = new Set(all.filter(({ field }) => member(field, "x-localized") === true).map(({ name }) => name));
  return { title, description, bodies, keywords, localized };
}

/** Locales to analyse: the default one, and each other in which something analysed has a text of its own. */
export function localesIn(
  roles: Roles,
  fields: JsonObject,
  locales: readonly string[],
  defaultLocale: string,
): readonly string[] {
  const names = [roles.title, roles.description, roles.keywords, ...roles.bodies].filter(
    (name) => name !== undefined && roles.localized.has(name),
  );
  const own = (locale: string): boolean =>
    names.some((name) => {
      const value = member(fields, name as string);
      return isObject(value) && isFilled(member(value, locale));
    });
  return [defaultLocale, ...locales.filter((locale) => locale !== defaultLocale && own(locale))];
}

export function passagesOf(roles: Roles, fields: JsonObject, locale: string, defaultLocale: string): Passages {
  const at = (name: string): { readonly value: Json | undefined; readonly locale: string } => {
    const value = member(fields, name);
    if (!roles.localized.has(name)) return { value, locale: defaultLocale };
    if (!isObject(value)) return { value: undefined, locale };
    const own = member(value, locale) ?? undefined;
    return own === undefined ? { value: member(value, defaultLocale), locale: defaultLocale } : { value: own, locale };
  };
  const text = (name: string): Passage => {
    const found = at(name);
    return { text: typeof found.value === "string" ? found.value : "", locale: found.locale };
  };
  return {
    title: roles.title === undefined ? undefined : text(roles.title),
    description: roles.description === undefined ? undefined : text(roles.description),
    bodies: roles.bodies.length === 0 ? undefined : roles.bodies.map(text),
    keywords: roles.keywords === undefined ? undefined : keywordsOf(at(roles.keywords).value),
  };
}

/** A list of them, or one text with commas between them. */
function keywordsOf(value: Json | undefined): readonly string[] {
  const all = typeof value === "string" ? value.slice(0, 2_000).split(",") : Array.isArray(value) ? value : [];
  return all
    .slice(0, 50)
    .flatMap((each) => (typeof each === "string" ? [each.slice(0, LONGEST_KEYWORD).trim()] : []))
    .filter((each) => each !== "")
    .slice(0, MOST_KEYWORDS);
}

/** `meta_description` and `metaDescription` are one name. */
function wordOf(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** Free text: neither a reference nor one of a few values, nor in a format. */
function isText(field: JsonObject): boolean {
  const type = member(field, "type");
  const types = (Array.isArray(type) ? type : [type]).filter((each) => each !== "null");
  return (
    types.length === 1 &&
    types[0] === "string" &&
    !["format", "enum", "const", "x-reference"].some((keyword) => member(field, keyword) !== undefined)
  );
}

function isTextList(field: JsonObject): boolean {
  const items = member(field, "items");
  return member(field, "type") === "array" && isObject(items) && isText(items);
}

function isLong(field: JsonObject): boolean {
  const most = member(field, "maxLength");
  return typeof most !== "number" || most > SHORT;
}

function isFilled(value: Json | undefined): boolean {
  return typeof value === "string" ? value !== "" : Array.isArray(value) && value.length > 0;
}
