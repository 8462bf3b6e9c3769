// The first pass over some lines: their drafts, and what of them can be published at once. Lines that stand in a commit's way are taken out of
// it, with their errors, and the rest is tried again.
import type { Change } from "../../platform/event-log/commit.ts";
import { type Refused, refusalOf } from "../../platform/event-log/commit-answer.ts";
import type { ClaimedJob } from "../../platform/jobs/job.ts";
import { decideLine, type ImportMode, mergeChanges, type OneOfMany, relianceOn } from "../authoring/authoring.ts";
import type { LoadedEntries } from "./import-state.ts";
import type { Counts, Step } from "./import-step.ts";
import { errorsOf, type GoodLine, type LineError, type Prepared } from "./prepare-lines.ts";

/** What earlier attempts at the same lines found in the way, by index among the good lines. */
export interface InTheWay {
  readonly errors: Map<number, readonly LineError[]>;
  /** Lines whose references are not there (any more). */
  readonly deferred: Set<number>;
}

export const nothingInTheWay = (): InTheWay => ({ errors: new Map(), deferred: new Set() });

export type Drafted = Pick<Step, "change" | "pending" | "errors" | "counts">;

export function draftLines(
  job: ClaimedJob,
  { good, bad, failed }: Prepared,
  { entries, targets }: LoadedEntries,
  found: InTheWay,
): Drafted {
  const lines = [...good.entries()].filter(([i]) => !found.errors.has(i));
  const there = new Map(targets);
  const absent = new Set<string>();
  for (const [, { line }] of lines) {
    const entry = entries.get(line.id)?.entry;
    there.set(line.id, entry?.is === "present" ? entry.type : line.type);
    if (entry?.is !== "present") absent.add(line.id);
  }
  const changes: OneOfMany[] = [];
  const pending: Step["pending"][number][] = [];
  const errors: LineError[] = [...bad, ...[...found.errors.values()].flat()];
  const counts = { created: 0, updated: 0, unchanged: 0, failed: failed + found.errors.size };
  const relied = new Map<string, ReturnType<typeof relianceOn>>();
  for (const [i, each] of lines) {
    const defers = found.deferred.has(i) || each.references.some(({ target, type }) => there.get(target) !== type);
    const decided = decide(job, each, entries, defers);
    if (!decided.ok) {
      errors.push(...errorsOf(each.number, decided.fault));
      counts.failed += 1;
      continue;
    }
    const { change, became, pending: version } = decided.value;
    if (change !== undefined) {
      changes.push({ i, change: withoutOwn(change, absent) });
      relied.set(each.line.type, relianceOn(each.type));
    }
    if (version === undefined) counts[became] += 1;
    else pending.push([each.number, each.line.id, version, became]);
  }
  const change = changes.length === 0 ? undefined : { ...mergeChanges(changes), relies: [...relied.values()] };
  return { change, pending, errors: errors.toSorted((one, other) => one.line - other.line), counts };
}

function decide(
  { actor, plan }: ClaimedJob,
  { line, type }: GoodLine,
  entries: LoadedEntries["entries"],
  defers: boolean,
): ReturnType<typeof decideLine> {
  const loaded = entries.get(line.id) ?? NOTHING;
  return decideLine(line, { type }, loaded, { mode: plan["mode"] as ImportMode, actor, defers });
}

const NOTHING = { entry: { is: "absent", revision: 0, version: 0 }, stamps: undefined, told: false } as const;

/** What this very commit creates is there when it is done, and is not looked for before. */
function withoutOwn(change: Change, created: ReadonlySet<string>): Change {
  const { needs, ...rest } = change;
  const others = needs?.filter(({ id }) => !created.has(id)) ?? [];
  return others.length === 0 ? rest : { ...rest, needs: others };
}

/** Notes what a refusal names. False: it names no line; the space is to be looked at again. */
export function noteRefusal(
  refused: Refused,
  lineOf: (index: number) => { readonly number: number; readonly id: string } | undefined,
  found: InTheWay,
  references: "defer" | "fail",
): boolean {
  const named = new Map<number, NonNullable<Refused["at"]>[number][]>();
  for (const place of refused.at ?? []) named.set(place.index, [...(named.get(place.index) ?? []), place]);
  const isOfLines = refused.refused === "slug-taken" || refused.refused === "reference-missing";
  if (!isOfLines || named.size === 0) return false;
  for (const [index, at] of named) {
    const line = lineOf(index);
    if (line === undefined) continue;
    if (refused.refused === "reference-missing" && references === "defer") {
      found.deferred.add(index);
      continue;
    }
    const fault = refusalOf({ ...refused, at }, NOWHERE);
    const pointer = at[0]?.name === line.id ? "/id" : "/slug";
    const pointed = fault.errors ?? [{ pointer, code: fault.code, detail: fault.detail }];
    found.errors.set(index, errorsOf(line.number, { ...fault, errors: pointed }));
  }
  return true;
}

const NOWHERE = { id: "", uid: 0, epoch: 0, residency: "" } as unknown as Parameters<typeof refusalOf>[1];

export const NO_COUNTS: Counts = { created: 0, updated: 0, unchanged: 0, failed: 0 };
