// What a page refers to along its include paths: each target once, in the order in which it is met; and what was asked for, found or not.
import type { JsonObject } from "../../kernel/json.ts";
import { type Document, referencesOf, type Show } from "./document.ts";
import type { IncludeStep } from "./include.ts";
import type { View } from "./query.ts";

export interface Included {
  readonly included: JsonObject;
  /** Ids that were looked for, by the type that the reference asks for. */
  readonly asked: ReadonlyMap<string, ReadonlySet<string>>;
}

/** `targets`: what the statements found, by id. Statements follow every locale; what the shown locale does not refer to is left out here. */
export function includedOf(
  page: readonly Document[],
  targets: ReadonlyMap<string, Document>,
  view: View,
  show: Show,
): Included {
  const met = new Map<string, JsonObject>();
  const asked = new Map<string, Set<string>>();
  let reached = new Map<string, readonly Document[]>([["", page]]);
  for (let hop = 1; reached.size > 0; hop += 1) {
    const next = new Map<string, readonly Document[]>();
    for (const step of view.steps.filter((each) => each.hop === hop)) {
      const ids = referredTo(reached.get(step.parent) ?? [], step, view);
      const { type } = step.target;
      asked.set(type, new Set([...(asked.get(type) ?? []), ...ids]));
      const found = [...ids].flatMap((id) => targets.get(id) ?? []).filter((document) => document.type === type);
      for (const document of found) {
        if (!met.has(document.id)) met.set(document.id, show(document, lookOf(step, view)));
      }
      next.set(step.path, found);
    }
    reached = next;
  }
  return { included: Object.fromEntries(met), asked };
}

function referredTo(from: readonly Document[], { field }: IncludeStep, view: View): ReadonlySet<string> {
  return new Set(from.flatMap((document) => referencesOf(document, field, view)));
}

/** `fields=` chooses among the page's fields only. */
function lookOf({ target }: IncludeStep, { locale, defaultLocale }: View) {
  return { shape: target, locale, defaultLocale };
}
