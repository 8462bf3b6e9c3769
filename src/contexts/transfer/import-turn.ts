// What a turn at an import holds in hand, and how it gets some lines through: load, decide, commit, and again without the lines that stood in the way.
import type { Clock } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import type { Position } from "../../kernel/position.ts";
import type { Reader } from "../../platform/database/database.ts";
import type { Refused } from "../../platform/event-log/commit-answer.ts";
import type { StepParts } from "../../platform/jobs/commit-step.ts";
import type { Turn } from "../../platform/jobs/job.ts";
import { isTooLarge, tookTooLong, wasTooMuch } from "../../platform/relay/space-calls.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import type { LineRules, SchemaEngine } from "../authoring/authoring.ts";
import { type InTheWay, noteRefusal, nothingInTheWay } from "./draft-lines.ts";
import { learnSpace, type SpaceKnowledge } from "./import-state.ts";
import { type Step, stepImport } from "./import-step.ts";
import type { Pace } from "./pace.ts";
import { errorsOf } from "./prepare-lines.ts";

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
    if (termsOf(rest.change) > TERMS_MOST && pace.slower()) return "again";
    await Promise.all(behind.splice(0));
    const stepped = await attempt(() => stepImport(step, turn.job, own.space, { ...place, pending, ...rest }));
    if (!stepped.ok) {
      // Too much for one call, or the space's lock was not to be had: in smaller bites.
      const { error } = stepped;
      if (wasTooMuch(error) && pace.slower()) return "again";
      const line = lineOf(0);
      if (!isItsLines(error, turn) || line === undefined) throw countedIfItsOwn(error);
      found.errors.set(0, errorsOf(line.number, LINE_TOO_MUCH));
      continue;
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

/** The commit of one line. What takes too long may do so because the database is slow: that is waited for a few times. */
function isItsLines(error: unknown, { job }: Turn): boolean {
  return isTooLarge(error) || (tookTooLong(error) && job.attempts > PATIENCE);
}

const PATIENCE = 4;
const LINE_TOO_MUCH = fault("invalid", "line-too-much", "This entry takes more than one commit can write");

/** Whatever else is busy is not the job's fault: it is waited for without being counted. */
function countedIfItsOwn(error: unknown): unknown {
  return tookTooLong(error) ? new Error("One line's commit takes too long", { cause: error }) : error;
}

/** What its index takes: each term is hashed and sorted in while the space is locked. */
function termsOf(change: Made["change"]): number {
  return (change?.entries ?? []).reduce(
    (sum, { draft }) => sum + ((draft?.ix["tokens"] as readonly string[] | undefined) ?? []).length,
    0,
  );
}

const TERMS_MOST = 10_000;

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
