// What every question of this room starts with: the type asked for, and whether drafts may be shown to whoever asks.
import { fault, quote } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Actor, Scope } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import { findSystemField } from "./column.ts";
import type { Condition } from "./condition.ts";
import type { Signer } from "./cursor.ts";
import type { WorkBudget } from "./plan.ts";
import type { Asking, Locales } from "./query.ts";
import type { TypeShape } from "./type-shape.ts";

export interface DeliveryData {
  readonly reader: Reader;
  readonly types: ReadonlyMap<string, { readonly shape: TypeShape }>;
  readonly settings: Locales;
  readonly signer: Signer;
  /** Absent: `WORK`. */
  readonly budget?: WorkBudget;
}

/** Refuses with 404 `type-missing`, or 403 `scope-missing` for drafts. */
export function askAbout(scope: Scope<DeliveryData>, type: string, perspective: "published" | "draft"): Result<Asking> {
  const seen = maySee(scope.actor, perspective);
  return seen.ok ? aboutType(scope, type, perspective === "draft", scope.data.settings.defaultLocale) : seen;
}

/** Refuses with 403 `scope-missing` who may not see drafts. */
export function maySee(actor: Actor, perspective: "published" | "draft"): Result<undefined> {
  if (perspective === "published" || mayPreview(actor)) return ok(undefined);
  return refuse(
    fault(
      "forbidden",
      "scope-missing",
      'Parameter "perspective" with "draft" needs a key with the scope content:preview',
    ),
  );
}

/** `locale`: what an absent one stands for. */
export function aboutType(
  { data: { types, settings } }: Scope<DeliveryData>,
  type: string,
  drafts: boolean,
  locale: string,
): Result<Asking> {
  const shape = types.get(type)?.shape;
  if (shape === undefined)
    return refuse(fault("missing", "type-missing", `There is no type ${quote(type)} in this space`));
  const shapes = { get: (name: string) => types.get(name)?.shape };
  return ok({ shape, shapes, drafts, space: settings, locale });
}

/** `content:write` includes previewing. */
export function mayPreview(actor: Actor): boolean {
  return (
    actor.type === "system" ||
    (actor.type === "key" && (actor.scopes.has("content:preview") || actor.scopes.has("content:write")))
  );
}

/** A preview shows what could be published; archived entries could not. */
export function previewOnly(drafts: boolean): readonly Condition[] {
  const status = findSystemField("status", drafts);
  return status
    ? [{ is: "same", not: true, terms: [], slot: { column: status.column, keys: ["archived"], exact: true } }]
    : [];
}
