// Filter terms and a content type → conditions. Values are read as the kind of their field; what cannot be asked is named.
import { type FaultItem, quote } from "../../kernel/fault.ts";
import { type Column, findSlot, findSystemField, keyOfValue, STATUSES } from "./column.ts";
import { type Comparable, fitsSlot } from "./comparable.ts";
import type { Bound, Condition, Same } from "./condition.ts";
import type { Operator, TermText } from "./filter-text.ts";
import { readBoolean, readValue, readValues } from "./filter-value.ts";
import { findSlotName } from "./locale.ts";
import { complaint } from "./query-fault.ts";
import { presenceOf, termOf } from "./sort-row.ts";
import type { FieldShape, Shapes, TypeShape, ValueKind } from "./type-shape.ts";

/** Of one `in` or `nin`. */
const MAX_VALUES = 1_000;

/** Everything that names are looked up in. */
export interface Catalogue {
  readonly shape: TypeShape;
  readonly shapes: Shapes;
  readonly drafts: boolean;
  /** Whose values filters and sorts look at. */
  readonly locale: string;
}

export type Read = { readonly condition: Condition } | { readonly wrong: FaultItem };

/** What a name in a filter or sort stands for. */
export interface Subject {
  readonly kind: ValueKind;
  readonly array: boolean;
  readonly column: Column | undefined;
  /** Absent for what every entry has. */
  readonly field?: FieldShape;
  /** `""` where the field is not localized. */
  readonly locale: string;
}

export type Found =
  | { readonly subject: Subject }
  | { readonly code: "unknown-field" | "not-indexed"; readonly detail: string };

export function findSubject(name: string, { shape, drafts, locale }: Catalogue): Found {
  const system = findSystemField(name, drafts);
  if (system !== undefined) return { subject: { kind: system.kind, array: false, column: system.column, locale: "" } };
  const field = shape.fields.find((each) => each.name === name);
  if (field === undefined)
    return { code: "unknown-field", detail: `Type ${quote(shape.type)} has no field ${quote(name)}` };
  if (!field.indexed)
    return {
      code: "not-indexed",
      detail: `Field ${quote(name)} of type ${quote(shape.type)} is not indexed; declare it x-indexed`,
    };
  const at = field.localized ? (shape.locales.includes(locale) ? locale : shape.defaultLocale) : "";
  return {
    subject: { kind: field.kind, array: field.array, column: findSlot(findSlotName(field, at)), field, locale: at },
  };
}

/** `hops`: how many the query has made so far. */
export function readTerm(term: TermText, catalogue: Catalogue, hops: number): Read {
  const [name = "", inner] = term.path;
  const found = findSubject(name, catalogue);
  if (!("subject" in found)) return wrong(term, found.code, found.detail);
  return inner === undefined
    ? readPlain(term, found.subject, catalogue)
    : readHop(term, found.subject, inner, catalogue, hops);
}

const OPPOSITES: Partial<Readonly<Record<Operator, Operator>>> = { ne: "eq", nin: "in" };

function readHop(
  term: TermText,
  { field, locale, column }: Subject,
  name: string,
  catalogue: Catalogue,
  at: number,
): Read {
  if (field?.reference === undefined)
    return wrong(
      term,
      "invalid-parameter",
      `Field ${quote(term.path[0])} is no reference, so there is no ${quote(term.path.join("."))}`,
    );
  const target = catalogue.shapes.get(field.reference);
  if (target === undefined)
    return wrong(
      term,
      "unknown-field",
      `There is no type ${quote(field.reference)} for ${quote(term.path.join("."))} to be of`,
    );
  // Not to refer to such an entry also holds for those that refer to nothing: the question is turned round, not the answer.
  const not = term.operator in OPPOSITES || (term.operator === "exists" && term.value === "false");
  const operator = OPPOSITES[term.operator] ?? term.operator;
  const asked = { ...term, path: [name], operator, value: not && operator === "exists" ? "true" : term.value };
  const read = readTerm(asked, { ...catalogue, shape: target }, 0);
  if ("wrong" in read) return read;
  return {
    condition: {
      is: "hop",
      not,
      at,
      parameter: term.parameter,
      field,
      locale,
      ...(column ? { column } : {}),
      target,
      inner: read.condition,
    },
  };
}

function readPlain(term: TermText, subject: Subject, catalogue: Catalogue): Read {
  const { operator, value } = term;
  switch (operator) {
    case "eq":
    case "ne":
    case "in":
    case "nin":
      if (subject.array) return unsupported(term, "it is a list; use contains");
      return readSame(term, subject, operator === "ne" || operator === "nin", catalogue);
    case "contains":
      return subject.array ? readSame(term, subject, false, catalogue) : unsupported(term, "it is no list");
    case "exists": {
      const exists = readBoolean(value);
      return exists === undefined
        ? wrong(term, "invalid-parameter", notA("true or false", term))
        : { condition: presenceIs(subject, exists) };
    }
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return readRange(term, subject, operator);
    case "startsWith":
      return readPrefix(term, subject);
  }
}

function readSame(term: TermText, subject: Subject, not: boolean, { shape }: Catalogue): Read {
  const { kind, column, field, locale } = subject;
  const read =
    term.operator === "in" || term.operator === "nin" ? readValues(kind, term.value) : readValue(kind, term.value);
  if ("wanted" in read) return wrong(term, "invalid-parameter", notA(read.wanted, term));
  if (read.values.length > MAX_VALUES)
    return wrong(
      term,
      "invalid-parameter",
      `Filter ${quote(term.path.join("."))} lists ${read.values.length} values; at most ${MAX_VALUES} are taken`,
    );
  if (column?.name === "status" && field === undefined) {
    const bad = read.values.find((each) => !STATUSES.includes(String(each)));
    if (bad !== undefined)
      return wrong(
        term,
        "invalid-parameter",
        `Parameter ${quote(term.parameter)} must be one of ${STATUSES.join(", ")}; found ${quote(bad)}`,
      );
  }
  return { condition: sameAs(read.values, { kind, column, field, locale, shape, not }) };
}

interface Sameness {
  readonly kind: ValueKind;
  readonly column: Column | undefined;
  readonly field: FieldShape | undefined;
  readonly locale: string;
  readonly shape: TypeShape;
  readonly not: boolean;
}

function sameAs(values: readonly Comparable[], { kind, column, field, locale, not }: Sameness): Same {
  const terms = field === undefined ? [] : values.map((value) => termOf(field.name, locale, value));
  if (column === undefined) return { is: "same", not, terms };
  const exact = field === undefined || values.every((value) => typeof value !== "string" || fitsSlot(value));
  return {
    is: "same",
    not,
    terms,
    slot: { column, keys: [...new Set(values.map((value) => keyOfValue(column, kind, value)))], exact },
  };
}

function presenceIs({ column, field, locale }: Subject, exists: boolean): Condition {
  if (column !== undefined) return { is: "present", column, not: !exists };
  return { is: "same", not: !exists, terms: [presenceOf(field?.name ?? "", locale)] };
}

function readRange(term: TermText, { kind, array, column }: Subject, operator: "gt" | "gte" | "lt" | "lte"): Read {
  if (array) return unsupported(term, "it is a list; use contains");
  if (column === undefined || kind === "boolean" || kind === "other")
    return unsupported(term, "its values have no order");
  const read = readValue(kind, term.value);
  if ("wanted" in read) return wrong(term, "invalid-parameter", notA(read.wanted, term));
  const [value] = read.values;
  if (value === undefined) return wrong(term, "invalid-parameter", notA("a value", term));
  const bound: Bound = { key: keyOfValue(column, kind, value), inclusive: operator === "gte" || operator === "lte" };
  return {
    condition: operator.startsWith("g") ? { is: "range", column, low: bound } : { is: "range", column, high: bound },
  };
}

function readPrefix(term: TermText, { kind, array, column }: Subject): Read {
  if (array || column === undefined || kind !== "text") return unsupported(term, "it is no text");
  if (!fitsSlot(term.value))
    return wrong(
      term,
      "invalid-parameter",
      `Filter ${quote(term.path.join("."))} compares beginnings of fewer than 256 characters`,
    );
  const end = afterPrefix(term.value);
  return {
    condition: {
      is: "range",
      column,
      low: { key: term.value, inclusive: true },
      ...(end === undefined ? {} : { high: { key: end, inclusive: false } }),
    },
  };
}

/** The lowest text above everything that begins with `prefix`, in the order of code points. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (each) => each.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Halves of surrogate pairs are no characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

function wrong({ parameter }: TermText, code: string, detail: string): Read {
  return { wrong: complaint(parameter, code, detail) };
}

function unsupported(term: TermText, because: string): Read {
  return wrong(
    term,
    "unsupported-operator",
    `Cannot filter ${quote(term.path.join("."))} by ${term.operator}: ${because}`,
  );
}

function notA(wanted: string, { parameter, value }: TermText): string {
  return `Parameter ${quote(parameter)} must be ${wanted}; found ${quote(value)}`;
}
