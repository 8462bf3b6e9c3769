// The filter parameters of a query: `filter[field]`, `filter[field][operator]`, and the same within `filter[or][n]`.
import { type FaultItem, quote } from "../../kernel/fault.ts";
import { FIELD_NAME } from "../../kernel/id.ts";
import { complaint } from "./query-fault.ts";

export const OPERATORS = [
  "eq",
  "ne",
  "gt",
  "gte",
  "lt",
  "lte",
  "in",
  "nin",
  "exists",
  "contains",
  "startsWith",
] as const;
export type Operator = (typeof OPERATORS)[number];

export interface TermText {
  /** As sent, to be quoted in refusals. */
  readonly parameter: string;
  /** One name, or a reference field and a field of what it refers to. */
  readonly path: readonly string[];
  readonly operator: Operator;
  readonly value: string;
}

export interface Filters {
  readonly terms: readonly TermText[];
  /** Terms of one group are and-ed, groups are or-ed. */
  readonly groups: readonly (readonly TermText[])[];
  readonly items: readonly FaultItem[];
}

export const MAX_TERMS = 20;

const FILTER = /^filter\[([^[\]]*)\](?:\[([^[\]]*)\])?$/;
const OR = /^filter\[or\]\[(0|[1-9]\d?)\]\[([^[\]]*)\](?:\[([^[\]]*)\])?$/;

export function isFilter(name: string): boolean {
  return name.startsWith("filter[");
}

/** `parameters`: those that `isFilter` says are. */
export function readFilters(parameters: readonly (readonly [string, string])[]): Filters {
  const terms: TermText[] = [];
  const groups = new Map<number, TermText[]>();
  const items: FaultItem[] = [];
  const seen = new Set<string>();
  if (parameters.length > MAX_TERMS) {
    const detail = `A query has at most ${MAX_TERMS} filter terms; found ${parameters.length}`;
    items.push(complaint("filter", "too-many-terms", detail));
  }
  for (const [parameter, value] of parameters) {
    const read = readFilter(parameter, value);
    if ("wrong" in read) {
      items.push(read.wrong);
      continue;
    }
    const { term, group } = read;
    // filter[a] and filter[a][eq] are two ways to write one thing.
    const key = JSON.stringify([group, term.path, term.operator]);
    if (seen.has(key)) {
      const detail = `Filter ${quote(term.path.join("."))} with ${term.operator} is given more than once`;
      items.push(complaint(parameter, "invalid-parameter", detail));
    }
    seen.add(key);
    if (group === undefined) terms.push(term);
    else groups.set(group, [...(groups.get(group) ?? []), term]);
  }
  return {
    terms,
    groups: [...groups].toSorted(([left], [right]) => left - right).map(([, each]) => each),
    items,
  };
}

type Read = { readonly term: TermText; readonly group: number | undefined } | { readonly wrong: FaultItem };

function readFilter(parameter: string, value: string): Read {
  const [, group, ...inGroup] = OR.exec(parameter) ?? [];
  const [name, operator = "eq"] = group === undefined ? (FILTER.exec(parameter)?.slice(1) ?? []) : inGroup;
  if (name === undefined || (name === "or" && group === undefined)) {
    const known = "filter[field], filter[field][operator] or filter[or][n][field][operator]";
    return wrong(parameter, "unknown-parameter", `${quote(parameter)} is not ${known}`);
  }
  const path = name.split(".");
  const bad = path.find((each) => !FIELD_NAME.test(each));
  if (bad !== undefined) return wrong(parameter, "unknown-field", `There is no field ${quote(bad)}`);
  if (path.length > 2) {
    return wrong(parameter, "invalid-parameter", `Filter ${quote(name)} follows more than one reference`);
  }
  if (!isOperator(operator)) {
    const detail = `Filters do not support operator ${quote(operator)}; they know ${OPERATORS.join(", ")}`;
    return wrong(parameter, "unsupported-operator", detail);
  }
  return { term: { parameter, path, operator, value }, group: group === undefined ? undefined : Number(group) };
}

function wrong(parameter: string, code: string, detail: string): Read {
  return { wrong: complaint(parameter, code, detail) };
}

function isOperator(text: string): text is Operator {
  return (OPERATORS as readonly string[]).includes(text);
}
