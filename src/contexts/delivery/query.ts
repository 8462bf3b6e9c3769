// A query that has been understood: text and content type put together, defaults filled in, one canonical form for each meaning.
import { type FaultItem, quote } from "../../kernel/fault.ts";
import { isObject, type Json } from "../../kernel/json.ts";
import { ok, type Result } from "../../kernel/result.ts";
import type { Condition } from "./condition.ts";
import type { TermText } from "./filter-text.ts";
import { type IncludeStep, planInclude } from "./include.ts";
import { type Order, planOrder, type SortKey } from "./order.ts";
import { complaint, refuseQuery } from "./query-fault.ts";
import type { QueryText } from "./query-text.ts";
import { type Catalogue, findSubject, readTerm } from "./read-condition.ts";
import type { Shapes, TypeShape } from "./type-shape.ts";

export interface Locales {
  readonly locales: readonly string[];
  readonly defaultLocale: string;
}

export interface View {
  readonly shape: TypeShape;
  readonly drafts: boolean;
  /** `*`: every locale. */
  readonly locale: string;
  readonly defaultLocale: string;
  /** Absent: all. */
  readonly fields?: ReadonlySet<string>;
  readonly steps: readonly IncludeStep[];
  /** What is found about each entry of the page is shown with it. */
  readonly analysis?: true;
}

export interface Query extends View {
  readonly where: readonly Condition[];
  readonly order: Order;
  /** Equal for equal questions and for no others; without limit and cursor. */
  readonly canonical: Json;
}

export interface Asking {
  readonly shape: TypeShape;
  readonly shapes: Shapes;
  readonly drafts: boolean;
  readonly space: Locales;
  /** What an absent locale stands for. */
  readonly locale: string;
}

/** What is shown and how: fields, include, locale. Refuses with 400 `unknown-field` or `invalid-parameter`. */
export function readView(text: QueryText, asking: Asking): Result<View> {
  const { view, items } = lookAt(text, asking);
  return items.length > 0 ? refuseQuery(items) : ok(view);
}

/** Refuses with 400: as `readView`, and `not-indexed`, `unsupported-operator`, `query-too-broad`. `also` holds whatever the client asks. */
export function readQuery(text: QueryText, asking: Asking, also: readonly Condition[]): Result<Query> {
  const { view, items } = lookAt(text, asking);
  const { shape, shapes, drafts, space } = asking;
  const catalogue: Catalogue = {
    shape,
    shapes,
    drafts,
    locale: view.locale === "*" ? space.defaultLocale : view.locale,
  };
  const where = readTerms(text.terms, catalogue, items, 0);
  let hops = text.terms.length;
  const groups = text.groups.map((terms) => {
    const group = readTerms(terms, catalogue, items, hops);
    hops += terms.length;
    return group;
  });
  const asked: readonly Condition[] = groups.length === 0 ? where : [...where, { is: "either", groups }];
  const sort = readSort(text, catalogue, items);
  const order =
    sort && items.length === 0 ? planOrder(sort.keys, sort.descending, [...asked, ...also], shape) : undefined;
  if (items.length === 0 && sort && order === undefined) items.push(tooBroad(sort.keys, shape));
  if (items.length > 0 || order === undefined || sort === undefined) return refuseQuery(items);
  const canonical: Json = [
    shape.type,
    drafts,
    view.locale,
    asked.map(formOf).toSorted(),
    [...sort.keys.map(({ name }) => name), sort.descending],
    order.by,
    [...(text.fields?.toSorted() ?? ["*"])],
    [...view.steps.map(({ path }) => path), ...(view.analysis ? ["@analysis"] : [])].toSorted(),
  ];
  return ok({ ...view, where: [...asked, ...also], order, canonical });
}

function lookAt(
  text: QueryText,
  { shape, shapes, drafts, space, locale: standing }: Asking,
): { readonly view: View; readonly items: FaultItem[] } {
  const locale = text.locale ?? standing;
  const items: FaultItem[] = [];
  if (locale !== "*" && !space.locales.includes(locale))
    items.push(
      complaint(
        "locale",
        "invalid-parameter",
        `Locale ${quote(locale)} is none of this space: ${space.locales.join(", ")}, *`,
      ),
    );
  for (const name of text.fields ?? []) {
    if (!shape.fields.some((field) => field.name === name))
      items.push(complaint("fields", "unknown-field", `Type ${quote(shape.type)} has no field ${quote(name)}`));
  }
  const include = planInclude(text.include, shape, shapes);
  items.push(...include.items);
  const view = {
    shape,
    drafts,
    locale,
    defaultLocale: space.defaultLocale,
    steps: include.steps,
    ...(text.analysis ? { analysis: text.analysis } : {}),
    ...(text.fields ? { fields: new Set(text.fields) } : {}),
  };
  return { view, items };
}

function readTerms(
  terms: readonly TermText[],
  catalogue: Catalogue,
  items: FaultItem[],
  before: number,
): readonly Condition[] {
  const conditions: Condition[] = [];
  for (const [at, term] of terms.entries()) {
    const read = readTerm(term, catalogue, before + at);
    if ("wrong" in read) items.push(read.wrong);
    else conditions.push(read.condition);
  }
  return conditions;
}

interface Sort {
  readonly keys: readonly SortKey[];
  readonly descending: boolean;
}

/** Id always comes last, in the direction of the key before it: named there, it changes nothing. */
function readSort({ sort }: QueryText, catalogue: Catalogue, items: FaultItem[]): Sort | undefined {
  const keys: SortKey[] = [];
  const last = sort.at(-1);
  const before = sort.at(-2);
  if (last?.field === "id" && before && before.descending !== last.descending) {
    items.push(
      complaint(
        "sort",
        "invalid-parameter",
        `Sort by "id" has the direction of the key before it, ${quote(before.field)}`,
      ),
    );
    return undefined;
  }
  for (const { field: name, descending } of last?.field === "id" ? sort.slice(0, -1) : sort) {
    const found = findSubject(name, catalogue);
    if (!("subject" in found)) items.push(complaint("sort", found.code, found.detail));
    else if (found.subject.column === undefined)
      items.push(complaint("sort", "not-indexed", `Cannot sort by ${quote(name)}: its values have no order`));
    else keys.push({ name, descending, subject: found.subject });
  }
  return { keys, descending: last?.descending ?? false };
}

function tooBroad(keys: readonly SortKey[], shape: TypeShape): FaultItem {
  const wanted = JSON.stringify(keys.map(({ name, descending }) => (descending ? `-${name}` : name)));
  const names = keys.filter(({ subject }) => subject.field === undefined).map(({ name }) => quote(name));
  const other = keys.find(({ subject }) => subject.field?.localized && subject.locale !== shape.defaultLocale);
  const how =
    names.length > 0
      ? `; ${names.join(" and ")} can only be sorted by alone`
      : other
        ? `; indexes of several keys hold ${quote(other.name)} in the default locale only`
        : `; declare ${wanted} in its indexes`;
  return complaint("sort", "query-too-broad", `No index of type ${quote(shape.type)} has the order ${wanted}${how}`);
}

/** A condition written so that equal ones are equal texts. Slots stand in it: a cursor does not outlive the slots that its keys came from. */
function formOf(condition: Condition): string {
  return JSON.stringify(condition, (name, value: unknown) => {
    if (name === "parameter" || name === "at") return undefined;
    if (name === "target" || name === "field") return isObject(value) ? (value["type"] ?? value["name"]) : value;
    if (name === "groups" && Array.isArray(value))
      return (value as readonly (readonly Condition[])[]).map((group) => group.map(formOf).toSorted()).toSorted();
    if (name === "terms" || name === "keys") return [...(value as readonly (string | number)[])].toSorted();
    return value;
  });
}
