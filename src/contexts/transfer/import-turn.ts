// What a turn at an import holds in hand, and how it gets some lines through: load, decide, commit, and again without the lines that stood in the way.
import type { Clock } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import type { Reader } from "../../platform/database/database.ts";
import type { Refused } from "../../platform/event-log/commit-answer.ts";
import type { StepParts } from "../../platform/jobs/commit-step.ts";
import type { Turn } from "../../platform/jobs/job.ts";
import { wasTooMuch } from "../../platform/relay/space-calls.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import type { LineRules, SchemaEngine } from "../authoring/authoring.ts";
import { type InTheWay, noteRefusal, nothingInTheWay } from "./draft-lines.ts";
import { learnSpace, type SpaceKnowledge } from "./import-state.ts";
import { type Step, stepImport } from "./import-step.ts";
import type { Pace } from "./pace.ts";

export interface ImportTurn {
  readonly turn: Turn;
  readonly reader: Reader;
  readonly step: StepParts;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly schemas: SchemaEngine;
  /** Learnt anew when a commit finds that it has moved. */
  space: SpaceKnowledge;
  /** Lines of the next commit, when more would stand in each other's way. */
  most: number | undefined;
  /** What goes on behind commits; waited for before the next one. */
  readonly behind: Promise<unknown>[];
  sleep(ms: number): Promise<void>;
}

/**
 * `on`: these lines are through. `again`: decide them anew. `reread`: somebody got them through. `over`: the job is not ours (any more).
 * `gone`: nobody may write in the space any more.
 */
export type Went = "on" | "again" | "reread" | "over" | "gone";

export interface Made extends Pick<Step, "change" | "errors" | "counts"> {
  readonly pending?: Step["pending"];
  /** Where the space was when it was decided. */
  readonly head: Position;
}

export interface Attempted {
  readonly place: Pick<Step, "pass" | "chunk" | "seen" | "to" | "next">;
  /** Loads and decides; `undefined`: there is no such space. */
  make(found: InTheWay): Promise<Made | undefined>;
  lineOf(index: number): { readonly number: number; readonly id: string } | undefined;
  /** What becomes of lines whose references are not there. */
  readonly references: "defer" | "fail";
}

/** Attempts at one commit: others may write the same entries. */
const ROUNDS = 8;

export async function getThrough(own: ImportTurn, { place, make, lineOf, references }: Attempted): Promise<Went> {
  const { turn, pace, step, behind } = own;
  const found = nothingInTheWay();
  for (let round = 0; round < ROUNDS; round += 1) {
    const made = await make(found);
    if (made === undefined) return "over";
    const { head, pending = [], ...rest } = made;
    pace.met(head);
    await Promise.all(behind.splice(0));
    const stepped = await attempt(() => stepImport(step, turn.job, own.space, { ...place, pending, ...rest }));
    if (!stepped.ok) {
      // Too much for one statement, or the space's lock was not to be had: in smaller bites. One line that is too much is nobody's outage.
      if (!wasTooMuch(stepped.error)) throw stepped.error;
      if (pace.slower()) return "again";
      throw new Error("One line's commit is too much");
    }
    const { value } = stepped;
    if (value.is === "over") return "over";
    if (value.is === "moved") return "reread";
    if (value.is === "done") {
      if (value.position !== undefined) await own.sleep(pace.committed(value.position, value.took));
      return "on";
    }
    if (value.refused.refused === "space-missing") return "gone";
    if (value.refused.refused === "knowledge-outdated") return await relearn(own);
    const before = takenWithin(value.refused, lineOf);
    if (before !== undefined) {
      own.most = before;
      return "again";
    }
    noteRefusal(value.refused, lineOf, found, references);
  }
  // Counted: others cannot be in the way forever.
  throw new Error("The space kept changing under a commit");
}

/** A name that an earlier one of these lines gives up is free when that one is through: so many lines come first. */
function takenWithin({ refused, at = [] }: Refused, lineOf: Attempted["lineOf"]): number | undefined {
  if (refused !== "slug-taken") return undefined;
  for (const { index, takenBy } of at)
    for (let earlier = 0; earlier < index; earlier += 1) if (lineOf(earlier)?.id === takenBy) return index;
  return undefined;
}

export async function relearn(own: ImportTurn): Promise<"again" | "gone"> {
  const learnt = await learnSpace(own.reader);
  if (learnt === undefined) return "gone";
  own.space = learnt;
  return "again";
}

export function rulesOf({ space, schemas }: ImportTurn): LineRules {
  return { types: space.types, locales: space.locales, schemas };
}

/** Lets others have the thread. */
export function rest({ sleep }: ImportTurn): Promise<void> {
  return sleep(0);
}

export function isLate({ clock, turn }: ImportTurn): boolean {
  return clock.now() >= turn.until;
}
