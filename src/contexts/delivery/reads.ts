// What an answer was made from, in the words of the change digest: as long as none of it changes, the answer stays true.
import type { Position } from "../../kernel/position.ts";
import { hopsOf } from "./condition.ts";
import type { Included } from "./included.ts";
import type { Query, View } from "./query.ts";

/** One tag, and the type under which it is judged when the digest has forgotten it. */
export interface Read {
  readonly tag: string;
  readonly type?: string;
}

export interface ReadFrom {
  readonly position: Position;
  readonly source: string;
  /** Of published content; what drafts are made from is not kept track of. */
  readonly reads: readonly Read[];
}

/** Of an answer that says that there is nothing of this name. */
export function readsOfNothing(type: string, name: string): readonly Read[] {
  return [...schemas([type]), { tag: `name:${type}/${name}`, type }];
}

export function readsOfOne(view: View, name: string, id: string, included: Included | undefined): readonly Read[] {
  const { type } = view.shape;
  return [
    ...readsOfNothing(type, name),
    { tag: `entry:${id}`, type },
    ...schemas(view.steps.map(({ target }) => target.type)),
    ...readsOfIncluded(included),
  ];
}

/** A list changes when any entry of its type does, or of a type that it filters by: one that newly matches was in no earlier answer. */
export function readsOfList(query: Query, included: Included | undefined): readonly Read[] {
  const types = new Set([query.shape.type, ...hopsOf(query.where).map(({ target }) => target.type)]);
  return [
    ...Array.from(types, (type) => ({ tag: `type:${type}` })),
    ...schemas([...types, ...query.steps.map(({ target }) => target.type)]),
    ...readsOfIncluded(included),
  ];
}

/** Found or not: what is not there yet may come. */
function readsOfIncluded(included: Included | undefined): readonly Read[] {
  return [...(included?.asked ?? [])].flatMap(([type, ids]) => Array.from(ids, (id) => ({ tag: `entry:${id}`, type })));
}

function schemas(types: readonly string[]): readonly Read[] {
  return Array.from(new Set(types), (type) => ({ tag: `schema:${type}` }));
}
