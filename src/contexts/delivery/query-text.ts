// What a client wrote: parameters taken apart, nothing yet known of the content type. Everything not understood is named.
import { type FaultItem, quote } from "../../kernel/fault.ts";
import { FIELD_NAME, TYPE_NAME } from "../../kernel/id.ts";
import { isStorable } from "../../kernel/json.ts";
import { ok, type Result } from "../../kernel/result.ts";
import { isFilter, readFilters, type TermText } from "./filter-text.ts";
import { complaint, refuseQuery } from "./query-fault.ts";

export interface SortText {
  readonly field: string;
  readonly descending: boolean;
}

export interface QueryText {
  /** As it came, to be sent again for the next page. */
  readonly sent: URLSearchParams;
  /** Only where the address does not name the type. */
  readonly type?: string;
  readonly terms: readonly TermText[];
  /** Terms of one group are and-ed, groups are or-ed. */
  readonly groups: readonly (readonly TermText[])[];
  readonly sort: readonly SortText[];
  readonly limit: number;
  readonly cursor?: string;
  readonly fields?: readonly string[];
  readonly include: readonly (readonly string[])[];
  /** `@analysis` among them. */
  readonly analysis?: true;
  readonly locale?: string;
  readonly perspective: "published" | "draft";
}

export type Parameter =
  | "type"
  | "filter"
  | "sort"
  | "limit"
  | "cursor"
  | "fields"
  | "include"
  | "locale"
  | "perspective";

export const LIST_PARAMETERS: readonly Parameter[] = [
  "filter",
  "sort",
  "limit",
  "cursor",
  "fields",
  "include",
  "locale",
  "perspective",
];
export const ONE_PARAMETERS: readonly Parameter[] = ["fields", "include", "locale", "perspective"];
export const ENTRIES_PARAMETERS: readonly Parameter[] = [
  "type",
  "filter",
  "sort",
  "limit",
  "cursor",
  "fields",
  "include",
  "locale",
];

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;
const MAX_INCLUDES = 10;
const MAX_HOPS = 3;
/** What is found about each entry of the page; no name of a field. */
const ANALYSIS = "@analysis";
/** The key of a composite is its longest part. */
const MAX_CURSOR = 8_192;

/** Part of the contract, not yet of this deployment. */
const LATER: ReadonlySet<string> = new Set(["at", "release"]);

type Draft = { -readonly [Member in keyof QueryText]: QueryText[Member] };

/** Refuses with 400 `unknown-parameter`, `unsupported-parameter`, `invalid-parameter`, `unsupported-operator`, `unknown-field` or `too-many-terms`. */
export function readQueryText(query: URLSearchParams, known: readonly Parameter[]): Result<QueryText> {
  const draft: Draft = {
    sent: query,
    terms: [],
    groups: [],
    sort: [],
    limit: DEFAULT_LIMIT,
    include: [],
    perspective: "published",
  };
  const items: FaultItem[] = [];
  const filters: [string, string][] = [];
  const seen = new Set<string>();
  for (const [name, value] of query) {
    const isTerm = isFilter(name) && known.includes("filter");
    const wrong = whyNot(name, value, isTerm, known, seen) ?? (isTerm ? undefined : take(draft, name, value));
    if (wrong !== undefined) items.push(wrong);
    else if (isTerm) filters.push([name, value]);
    seen.add(name);
  }
  const { terms, groups, items: wrongTerms } = readFilters(filters);
  items.push(...wrongTerms);
  return items.length > 0 ? refuseQuery(items) : ok({ ...draft, terms, groups });
}

/** Why a parameter is not looked at at all. */
function whyNot(
  name: string,
  value: string,
  isTerm: boolean,
  known: readonly string[],
  seen: ReadonlySet<string>,
): FaultItem | undefined {
  if (seen.has(name)) return complaint(name, "invalid-parameter", `Parameter ${quote(name)} is given more than once`);
  if (!isStorable(value)) {
    return complaint(name, "invalid-parameter", `Parameter ${quote(name)} holds U+0000, which no stored text does`);
  }
  if (LATER.has(name) && known.includes("perspective")) {
    return complaint(name, "unsupported-parameter", `Parameter ${quote(name)} is not supported yet`);
  }
  if (isTerm || (name !== "filter" && known.includes(name))) return undefined;
  return complaint(name, "unknown-parameter", `There is no parameter ${quote(name)} here`);
}

function take(draft: Draft, name: string, value: string): FaultItem | undefined {
  const wanted = READERS[name as keyof typeof READERS](draft, value);
  if (wanted === undefined) return undefined;
  return complaint(name, "invalid-parameter", `Parameter ${quote(name)} must be ${wanted}; found ${quote(value)}`);
}

/** Each puts what it understood into the draft, or says what it wanted. */
const READERS: Readonly<Record<Exclude<Parameter, "filter">, (draft: Draft, value: string) => string | undefined>> = {
  type(draft, value) {
    if (!TYPE_NAME.test(value)) return "the name of a content type";
    draft.type = value;
    return undefined;
  },
  sort(draft, value) {
    const keys = value.split(",").map((key) => ({ field: key.replace(/^-/, ""), descending: key.startsWith("-") }));
    if (keys.some(({ field }) => !FIELD_NAME.test(field))) return "names of fields, with - before those that descend";
    if (new Set(keys.map(({ field }) => field)).size < keys.length) return "names of fields, each once";
    draft.sort = keys;
    return undefined;
  },
  limit(draft, value) {
    const limit = /^[1-9]\d{0,3}$/.test(value) ? Number(value) : Number.NaN;
    if (!(limit <= MAX_LIMIT)) return `a whole number from 1 to ${MAX_LIMIT}`;
    draft.limit = limit;
    return undefined;
  },
  cursor(draft, value) {
    // Longer than any that was given out: not worth a signature.
    draft.cursor = value.length > MAX_CURSOR ? "" : value;
    return undefined;
  },
  fields(draft, value) {
    const names = value.split(",");
    if (names.some((name) => !FIELD_NAME.test(name))) return "names of fields";
    draft.fields = [...new Set(names)];
    return undefined;
  },
  include(draft, value) {
    const asked = new Set(value.split(","));
    const isAnalysed = asked.delete(ANALYSIS);
    const paths = [...asked].map((path) => path.split("."));
    if (paths.some((path) => path.some((name) => !FIELD_NAME.test(name))))
      return "paths of reference fields, like country or country.neighbours, or @analysis";
    if (paths.length + Number(isAnalysed) > MAX_INCLUDES || paths.some((path) => path.length > MAX_HOPS))
      return `at most ${MAX_INCLUDES} paths of at most ${MAX_HOPS} references`;
    draft.include = paths;
    if (isAnalysed) draft.analysis = true;
    return undefined;
  },
  locale(draft, value) {
    if (value === "") return "a locale of the space, or *";
    draft.locale = value;
    return undefined;
  },
  perspective(draft, value) {
    if (value !== "published" && value !== "draft") return "published or draft";
    draft.perspective = value;
    return undefined;
  },
};
