// Writes sort rows and references of a type's entries by another shape than they were written by, while others write: a few entries at a time,
// each step one transaction that holds the space's lock shortly and moves the job.
import { type Clock, type Instant, type Millis, millis } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { Row } from "../../platform/database/database.ts";
import type { ReferenceRow, SortRow } from "../../platform/event-log/commit.ts";
import type { ClaimedJob } from "../../platform/jobs/job.ts";
import { LEASE_S } from "../../platform/jobs/run-job.ts";
import { isTooLarge, type SpaceCall, tookTooLong, wasTooMuch } from "../../platform/relay/space-calls.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import { sortRowOf, type TypeShape } from "../delivery/delivery.ts";
import { referencesOf } from "./references.ts";
import { termsIn, travelSize, versionsOf } from "./type-survey.ts";

/** How fast somebody may go who holds the space's lock again and again. */
export interface Pace {
  /** Entries of the next step. */
  most(): number;
  /** Where the space was found: whether others write to it. */
  met(head: Position): void;
  /** How long to leave the space to others after a step. */
  committed(at: Position, took: Millis): Millis;
  /** A step took too long. False: they cannot be smaller. */
  slower(): boolean;
}

export interface RowParts {
  readonly call: SpaceCall;
  readonly clock: Clock;
  readonly pace: Pace;
  sleep(ms: number): Promise<void>;
}

export interface RowsOf {
  readonly job: ClaimedJob;
  readonly type: string;
  /** Of the type that the shape was made for. */
  readonly revision: number;
  readonly shape: TypeShape;
  /** `fill`: while the check is under way. `clean`: when it has ended. */
  readonly phase: "fill" | "clean";
  /** What the job's row says when so many of the entries are through, the last of them with this id. */
  note(done: number, id: string): { readonly state: JsonObject; readonly shown?: JsonObject };
}

/**
 * `late`: it is to be gone on with in another turn. `moved`: the type is not what the shape was made for. `over`: the job is not ours (any more).
 * `too large`: the rows of this entry are more than one call carries.
 */
export type WroteRows =
  | { readonly is: "on" | "late" | "moved" | "over" }
  | { readonly is: "too large"; readonly id: string };

/** Of one step, besides its entries. */
const STEP_VALUES = 4_000;
const STEP_BYTES = 1024 * 1024;
/** Bytes of documents that rows are made of in one go. */
const SLICE = 64 * 1024;

interface EntryRows {
  readonly id: string;
  /** By version: the step writes a row where the entry still has that version, and leaves what was written since as it is. */
  readonly versions: readonly {
    readonly version: number;
    readonly ix: SortRow;
    readonly refs: readonly ReferenceRow[];
  }[];
}

/** `rows`: a page of `surveyPage`, read from the primary. Ends early, but not before the first step, when `until` has come. */
export async function writeRows(parts: RowParts, of: RowsOf, rows: readonly Row[], until: Instant): Promise<WroteRows> {
  const { pace, clock, sleep } = parts;
  for (let done = 0; done < rows.length; ) {
    if (done > 0 && clock.now() >= until) return { is: "late" };
    const some = await nextStep(parts, of.shape, rows.slice(done, done + pace.most()));
    const id = some.at(-1)?.id ?? "";
    const began = clock.now();
    const stepped = await attempt(() => step(parts, of, some, of.note(done + some.length, id)));
    if (!stepped.ok) {
      const { error } = stepped;
      if (wasTooMuch(error) && pace.slower()) continue;
      if (isTooLarge(error)) return { is: "too large", id };
      // Busy otherwise is somebody else's doing, and waited for without being counted.
      throw tookTooLong(error) ? new Error("Rows of one entry take too long to write", { cause: error }) : error;
    }
    const answer = stepped.value;
    if (answer["gone"] === true || answer["held"] === false) return { is: "over" };
    if (answer["moved"] === true) return { is: "moved" };
    const head = position(Number(answer["head"]));
    pace.met(head);
    done += some.length;
    await sleep(pace.committed(head, millis(clock.now() - began)));
  }
  return { is: "on" };
}

function step({ call, clock }: RowParts, of: RowsOf, rows: readonly EntryRows[], noted: ReturnType<RowsOf["note"]>) {
  const { job, type, revision, phase } = of;
  const at = new Date(clock.now()).toISOString();
  const held = { job: job.id, holder: job.holder, at, lease: LEASE_S };
  return call(job.space, "write_index_rows", {
    ...{ ...held, ...noted, type, revision, phase },
    rows: rows as unknown as readonly JsonObject[],
  });
}

/** As many as fit a step; at least one. */
async function nextStep(
  { sleep }: Pick<RowParts, "sleep">,
  shape: TypeShape,
  rows: readonly Row[],
): Promise<readonly EntryRows[]> {
  const some: EntryRows[] = [];
  let values = 0;
  let bytes = 0;
  let slice = 0;
  for (const row of rows) {
    slice += Number(row["size"]);
    if (slice > SLICE) {
      slice = 0;
      await sleep(0);
    }
    const made = entryRows(shape, row);
    values += made.versions.reduce((sum, { ix, refs }) => sum + termsIn(ix) + refs.length, 0);
    bytes += travelSize(made);
    if (some.length > 0 && (values > STEP_VALUES || bytes > STEP_BYTES)) break;
    some.push(made);
  }
  return some;
}

function entryRows(shape: TypeShape, row: Row): EntryRows {
  const { id, draft, published, differs } = versionsOf(row);
  const made = (version: unknown, fields: JsonObject) => ({
    version: Number(version),
    ix: sortRowOf(shape, fields),
    refs: referencesOf(shape, fields),
  });
  const own = made(row["version"], draft);
  if (published === undefined || !differs) return { id, versions: [own] };
  return { id, versions: [own, made(row["published_version"], published)] };
}
