// Include paths as a tree over types: which fields to follow, and to which type each leads.
import { type FaultItem, quote } from "../../kernel/fault.ts";
import { complaint } from "./query-fault.ts";
import type { FieldShape, Shapes, TypeShape } from "./type-shape.ts";

export interface IncludeStep {
  /** `country.neighbours`: names the step. */
  readonly path: string;
  /** The step before; `""` for the page itself. */
  readonly parent: string;
  readonly field: FieldShape;
  readonly target: TypeShape;
  /** 1 for what the page itself refers to. */
  readonly hop: number;
}

/** Steps in order of hops; a path brings the steps on its way. */
export function planInclude(
  paths: readonly (readonly string[])[],
  shape: TypeShape,
  shapes: Shapes,
): { readonly steps: readonly IncludeStep[]; readonly items: readonly FaultItem[] } {
  const steps = new Map<string, IncludeStep>();
  const items: FaultItem[] = [];
  for (const names of paths) {
    let at = shape;
    for (const [index, name] of names.entries()) {
      const field = at.fields.find((each) => each.name === name);
      const target = field?.reference === undefined ? undefined : shapes.get(field.reference);
      if (field === undefined || target === undefined) {
        items.push(complaint("include", field ? "invalid-parameter" : "unknown-field", refusal(name, at, field)));
        break;
      }
      const parent = names.slice(0, index).join(".");
      const path = names.slice(0, index + 1).join(".");
      steps.set(path, { path, parent, field, target, hop: index + 1 });
      at = target;
    }
  }
  return { steps: [...steps.values()].toSorted((left, right) => left.hop - right.hop), items };
}

function refusal(name: string, shape: TypeShape, field: FieldShape | undefined): string {
  if (field === undefined) return `Type ${quote(shape.type)} has no field ${quote(name)} to include`;
  if (field.reference === undefined)
    return `Field ${quote(name)} of type ${quote(shape.type)} is no reference, so it cannot be included`;
  return `There is no type ${quote(field.reference)} for field ${quote(name)} to include`;
}

export function hopsDeep(steps: readonly IncludeStep[]): number {
  return Math.max(0, ...steps.map(({ hop }) => hop));
}
