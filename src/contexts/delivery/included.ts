// What a page refers to along its include paths: each target once, in the order in which it is met.
import type { JsonObject } from "../../kernel/json.ts";
import { type Document, referencesOf, type Show } from "./document.ts";
import type { IncludeStep } from "./include.ts";
import type { View } from "./query.ts";

/** `targets`: what the statements found, by id. Statements follow every locale; what the shown locale does not refer to is left out here. */
export function includedOf(
  page: readonly Document[],
  targets: ReadonlyMap<string, Document>,
  view: View,
  show: Show,
): JsonObject {
  const met = new Map<string, JsonObject>();
  let reached = new Map<string, readonly Document[]>([["", page]]);
  for (let hop = 1; reached.size > 0; hop += 1) {
    const next = new Map<string, readonly Document[]>();
    for (const step of view.steps.filter((each) => each.hop === hop)) {
      const found = follow(reached.get(step.parent) ?? [], step, targets, view);
      for (const document of found) {
        if (!met.has(document.id)) met.set(document.id, show(document, lookOf(step, view)));
      }
      next.set(step.path, found);
    }
    reached = next;
  }
  return Object.fromEntries(met);
}

function follow(
  from: readonly Document[],
  { field, target }: IncludeStep,
  targets: ReadonlyMap<string, Document>,
  view: View,
): readonly Document[] {
  const found = new Map<string, Document>();
  for (const document of from) {
    for (const id of referencesOf(document, field, view)) {
      const referred = targets.get(id);
      if (referred !== undefined && referred.type === target.type) found.set(id, referred);
    }
  }
  return [...found.values()];
}

/** `fields=` chooses among the page's fields only. */
function lookOf({ target }: IncludeStep, { locale, defaultLocale }: View) {
  return { shape: target, locale, defaultLocale };
}
