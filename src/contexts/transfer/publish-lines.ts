// The second pass over some lines: all drafts are there, and what could not be published at once is, or is an error of its line.
import type { Change } from "../../platform/event-log/commit.ts";
import type { ClaimedJob } from "../../platform/jobs/job.ts";
import { decidePending, type LineRules, mergeChanges, type OneOfMany, relianceOn } from "../authoring/authoring.ts";
import type { InTheWay } from "./draft-lines.ts";
import type { LoadedEntries } from "./import-state.ts";
import type { Step } from "./import-step.ts";
import { errorsOf, type LineError } from "./prepare-lines.ts";

export interface PendingLine {
  readonly line: number;
  readonly id: string;
  readonly version: number;
  readonly became: "created" | "updated";
}

/** Ends before an entry that is named again: the commit could not tell them apart. */
export function pendingLines(rows: readonly (readonly unknown[])[], most: number): readonly PendingLine[] {
  const taken: PendingLine[] = [];
  const ids = new Set<string>();
  for (const [line, id, version, became] of rows.slice(0, most) as unknown as readonly (readonly [
    number,
    string,
    number,
    PendingLine["became"],
  ])[]) {
    if (ids.has(id)) break;
    ids.add(id);
    taken.push({ line, id, version, became });
  }
  return taken;
}

export type Published = Pick<Step, "change" | "errors" | "counts">;

/** `isOwn`: the draft that an entry has now is one that a later line of the same file wrote, which publishes it. */
export async function publishLines(
  job: ClaimedJob,
  lines: readonly PendingLine[],
  { entries }: LoadedEntries,
  rules: LineRules,
  found: InTheWay,
  { isOwn, rest }: { isOwn(id: string): Promise<boolean>; rest(): Promise<void> },
): Promise<Published> {
  const changes: OneOfMany[] = [];
  const errors: LineError[] = [...[...found.errors.values()].flat()];
  const counts = { created: 0, updated: 0, unchanged: 0, failed: found.errors.size };
  const relied = new Map<string, ReturnType<typeof relianceOn>>();
  for (const [i, { line, id, version, became }] of lines.entries()) {
    if (found.errors.has(i)) continue;
    if (i % 10 === 9) await rest();
    const loaded = entries.get(id) ?? NOTHING;
    const decided = decidePending({ id, version }, loaded, job.actor, rules);
    if (!decided.ok) {
      if (decided.fault.code === "entry-changed" && (await isOwn(id))) counts[became] += 1;
      else {
        errors.push(...errorsOf(line, decided.fault));
        counts.failed += 1;
      }
      continue;
    }
    counts[became] += 1;
    if (decided.value === undefined) continue;
    changes.push({ i, change: decided.value });
    const type = loaded.entry.is === "present" ? rules.types.get(loaded.entry.type) : undefined;
    if (type !== undefined) relied.set(type.type, relianceOn(type));
  }
  const change: Change | undefined =
    changes.length === 0 ? undefined : { ...mergeChanges(changes), relies: [...relied.values()] };
  return { change, errors: errors.toSorted((one, other) => one.line - other.line), counts };
}

const NOTHING = { entry: { is: "absent", revision: 0, version: 0 }, stamps: undefined, told: false } as const;
