// What sort rows and references hold while a type's indexes change behind an answer: what its shape now and its next one ask for, both.
import { quote } from "../../kernel/fault.ts";
import type { CompositeShape, FieldShape, TypeShape } from "../delivery/delivery.ts";
import { sameJson } from "./domain/same-json.ts";

export type BothShapes =
  | { readonly ok: true; readonly shape: TypeShape }
  /** What stands for one thing in the one and for another in the other. */
  | { readonly ok: false; readonly clash: string };

/**
 * Readers go by `current` until the last row is written, and by `next` from then on; one row serves both. Holds only fields that are indexed:
 * nothing else makes rows, and every place that answers keeps it at hand.
 */
export function bothShapes(current: TypeShape, next: TypeShape): BothShapes {
  const indexed = (shape: TypeShape) => shape.fields.filter((field) => field.indexed);
  const fields = new Map(indexed(current).map((field) => [field.name, field]));
  for (const field of indexed(next)) {
    const before = fields.get(field.name);
    const both = before === undefined ? field : bothFields(before, field);
    if (both === undefined) return clash(`field ${quote(field.name)} is indexed as something else`);
    fields.set(field.name, both);
  }
  const isLocalized = [...fields.values()].some(({ localized }) => localized);
  if (isLocalized && current.defaultLocale !== next.defaultLocale) return clash("the default locale is another one");
  const composites = new Map(current.composites.map((composite) => [composite.keys.join(" "), composite]));
  for (const composite of next.composites) {
    const before = composites.get(composite.keys.join(" "));
    if (before !== undefined && before.slot !== composite.slot)
      return clash(`composite index ${quote(before.slot)} moves`);
    composites.set(composite.keys.join(" "), composite);
  }
  const twice = takenTwice([...fields.values()], [...current.composites, ...next.composites]);
  if (twice !== undefined) return clash(`index slot ${quote(twice)} is given to something else`);
  const { type, revision, defaultLocale } = next;
  const locales = [...next.locales, ...current.locales.filter((locale) => !next.locales.includes(locale))];
  return {
    ok: true,
    shape: {
      type,
      revision,
      locales,
      defaultLocale,
      fields: [...fields.values()],
      composites: [...composites.values()],
    },
  };
}

/** `undefined`: no value of the one is a value of the other. */
function bothFields(before: FieldShape, after: FieldShape): FieldShape | undefined {
  const facts = ({ kind, array, localized, reference = "" }: FieldShape) => ({ kind, array, localized, reference });
  if (!sameJson(facts(before), facts(after))) return undefined;
  const moved = Object.entries(after.slots ?? {}).some(([locale, slot]) => (before.slots?.[locale] ?? slot) !== slot);
  return moved ? undefined : { ...after, ...(after.slots ? { slots: { ...before.slots, ...after.slots } } : {}) };
}

function takenTwice(fields: readonly FieldShape[], composites: readonly CompositeShape[]): string | undefined {
  const holders = new Map<string, string>();
  const held = [
    ...fields.flatMap(({ name, slots }) =>
      Object.entries(slots ?? {}).map(([locale, slot]) => [slot, `${name} ${locale}`] as const),
    ),
    ...composites.map(({ slot, keys }) => [slot, keys.join(" ")] as const),
  ];
  return held.find(([slot, holder]) => {
    const taken = holders.get(slot);
    holders.set(slot, holder);
    return taken !== undefined && taken !== holder;
  })?.[0];
}

function clash(what: string): BothShapes {
  return { ok: false, clash: what };
}
