// A content read as the edge sees it: everything its answer depends on, in one canonical form, and the key that it is kept under.
import type { SpaceRef } from "../../kernel/scope.ts";
import { keyOf } from "../../platform/edge-cache/key.ts";
import { countOf } from "../delivery/content-query.ts";
import type { Route } from "../route.ts";

/** Plain data: it travels to the shield. */
export interface Question {
  readonly space: SpaceRef;
  readonly operation: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: string;
  readonly count: string;
}

export interface Keyed {
  readonly question: Question;
  readonly key: string;
}

export interface Posed {
  readonly route: Route;
  readonly space: SpaceRef;
  readonly publicRead: boolean;
  readonly defaultLocale: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly prefer: Readonly<Record<string, string>>;
}

/** Parameters that mean the same in any order, each value once. */
const SETS: ReadonlySet<string> = new Set(["fields", "include"]);

/** `undefined`: not to be kept. Drafts are never; a page after the first belongs to one walk. */
export function questionOf(posed: Posed): Keyed | undefined {
  const { route, space, publicRead, params, query, prefer } = posed;
  if (route.kept.kind !== "fresh" || query.has("cursor") || query.get("perspective") === "draft") return undefined;
  const question = {
    space,
    operation: route.operation.id,
    params,
    query: canonical(query, posed.defaultLocale),
    count: countOf(prefer) ?? "",
  };
  const key = keyOf({
    space,
    audience: publicRead ? "public" : "read",
    operation: question.operation,
    names: Object.values(params),
    query: question.query,
    count: question.count,
  });
  return { question, key };
}

/** Sorted, defaults left out: equal questions are equal texts. Whatever cannot be understood stays as it is, and is refused later. */
function canonical(query: URLSearchParams, defaultLocale: string): string {
  const defaults: Readonly<Record<string, string>> = { limit: "20", perspective: "published", locale: defaultLocale };
  const parts = [...query]
    .filter(([name, value]) => !(Object.hasOwn(defaults, name) && defaults[name] === value && isOnce(query, name)))
    .map(([name, value]) => [name, SETS.has(name) ? [...new Set(value.split(","))].sort().join(",") : value] as const)
    .sort(([aName, aValue], [bName, bValue]) => compare(aName, bName) || compare(aValue, bValue));
  return new URLSearchParams(parts.map(([name, value]) => [name, value])).toString();
}

/** A parameter that is given twice is an error, which leaving one out would hide. */
function isOnce(query: URLSearchParams, name: string): boolean {
  return query.getAll(name).length === 1;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
