// An import's file on its way in: streamed to where files are kept, hashed and cut into chunks as it passes, never held whole.
import { sql } from "drizzle-orm";
import { type Clock, type Millis, millis, seconds } from "../../kernel/clock.ts";
import { type Fault, fault } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import { jobId } from "../../platform/jobs/ask-job.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import { type Chunk, chunkCutter } from "./cut-chunks.ts";
import type { BlobParts, BlobStore, RunningHash } from "./ports.ts";

/** Of a file. */
export const FILE_MOST = 95_000_000;
/** Each is a row's worth of work, and a hundred of them a row of their own. */
export const LINES_MOST = 1_000_000;
/** Unfinished imports of a space, and of all spaces of a shard. */
export const IMPORTS_MOST = 10;
export const IMPORTS_MOST_OF_ALL = 500;
const PART_BYTES = 8 * 1024 * 1024;
/** An upload holds a part in memory, and the isolate has 128 MiB for everything. */
const UPLOADS_MOST = 4;
/** Others want to send as well. */
const UPLOADS_OF_A_SPACE = 2;
/** Without a sign of life, until an upload counts as broken off: a little more than a silent client is given (`receiveUpload`). */
const SILENT: Millis = millis(22_000);
/** While a part is being stored: that is no client's time, and nobody bounds it. */
const STORING: Millis = millis(90_000);

export interface Upload {
  readonly job: string;
  readonly key: string;
  readonly bytes: number;
  /** Hex: what makes two uploads the same request. */
  readonly sha256: string;
  readonly chunks: readonly Chunk[];
  /** Lines with something in them. */
  readonly received: number;
}

/** What comes in goes here. A refusal, or a throw, and nothing is left of it once `discard` was called. */
export interface Intake {
  /** Refuses with `body-too-large`. */
  add(bytes: Uint8Array): Promise<Result<undefined>>;
  end(): Promise<Upload>;
  discard(): Promise<void>;
}

export interface ReceiveParts {
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly secrets: { random(bytes: number): Uint8Array };
  hash(): RunningHash;
  readerOf(space: SpaceRef): Reader;
}

export interface Receiving {
  /** Refuses with `limited`/`jobs-too-many`, `unavailable`/`overloaded` before anything is taken. */
  begin(space: SpaceRef): Promise<Result<Intake>>;
  /** A file that became no job. */
  remove(upload: Upload): Promise<void>;
}

export function openReceiving(parts: ReceiveParts): Receiving {
  const slots = openSlots(parts.clock);
  return {
    async begin(space) {
      const job = jobId(parts.clock.now(), parts.secrets.random(6));
      const slot: Slot = {
        renew: (silence) => slots.take(job, space.uid, silence),
        leave: () => slots.leave(job),
      };
      // Before anything is waited for: many that come at once are counted as well.
      if (!slot.renew(SILENT)) return refuse(BACKLOG);
      const asked = await attempt(() => whyNotNow(parts.readerOf(space)));
      if (asked.ok && asked.value === undefined) return ok(openIntake(parts, space, job, slot));
      slot.leave();
      if (!asked.ok) throw asked.error;
      return refuse(asked.value ?? BACKLOG);
    },
    remove: ({ key }) => parts.blobs.remove(key),
  };
}

interface Slot {
  /** `silence`: how long nothing may be heard from now on. False: it was given up, and others have it. */
  renew(silence: Millis): boolean;
  leave(): void;
}

/** A request that the platform cancels never says that it ended: who is silent for long has left. */
function openSlots(clock: Clock) {
  const open = new Map<string, { readonly uid: number; readonly until: number }>();
  return {
    take(job: string, uid: number, silence: Millis): boolean {
      const now = clock.now();
      for (const [other, { until }] of open) if (until <= now) open.delete(other);
      const own = [...open].filter(([other, slot]) => other !== job && slot.uid === uid).length;
      if (!open.has(job) && (open.size >= UPLOADS_MOST || own >= UPLOADS_OF_A_SPACE)) return false;
      open.set(job, { uid, until: now + silence });
      return true;
    },
    leave: (job: string): void => void open.delete(job),
  };
}

/** Asked again when the job is made; here, so that nobody sends a file for nothing. */
async function whyNotNow(reader: Reader): Promise<Fault | undefined> {
  const answer = await reader.read([
    sql`select unfinished_jobs('import', ${IMPORTS_MOST_OF_ALL}) as everywhere,
        (select count(*) from jobs j where j.space = ${reader.space.uid} and j.kind = 'import' and not j.closed) as here`,
  ]);
  if (!answer.ok) return answer.fault;
  const row = answer.value.rows[0]?.[0];
  if (Number(row?.["everywhere"]) >= IMPORTS_MOST_OF_ALL) return BACKLOG;
  return Number(row?.["here"]) >= IMPORTS_MOST ? IMPORTS_FULL : undefined;
}

function openIntake(parts: ReceiveParts, { uid, epoch }: SpaceRef, job: string, slot: Slot): Intake {
  const { blobs } = parts;
  const key = `imports/${uid}.${epoch}/${job}`;
  const hash = parts.hash();
  const cutter = chunkCutter();
  let part = new Uint8Array(64 * 1024);
  let filled = 0;
  let size = 0;
  let number = 0;
  let writing: BlobParts | undefined;

  /** Grows with what comes: most files are smaller than a part. */
  function room(bytes: number): void {
    if (filled + bytes <= part.length) return;
    const larger = new Uint8Array(Math.min(PART_BYTES, Math.max(part.length * 4, filled + bytes)));
    larger.set(part.subarray(0, filled));
    part = larger;
  }

  async function flush(): Promise<void> {
    slot.renew(STORING);
    writing ??= await blobs.begin(key);
    number += 1;
    await writing.part(number, part.subarray(0, filled));
    filled = 0;
    slot.renew(SILENT);
  }

  return {
    async add(bytes) {
      if (!slot.renew(SILENT)) return refuse(BACKLOG);
      size += bytes.length;
      if (size > FILE_MOST) return refuse(TOO_LARGE);
      cutter.add(bytes);
      if (cutter.received() > LINES_MOST) return refuse(TOO_MANY_LINES);
      await hash.add(bytes);
      for (let from = 0; from < bytes.length; ) {
        const taken = Math.min(bytes.length - from, PART_BYTES - filled);
        room(taken);
        part.set(bytes.subarray(from, from + taken), filled);
        filled += taken;
        from += taken;
        if (filled === PART_BYTES) await flush();
      }
      return ok(undefined);
    },
    async end() {
      const chunks = cutter.end();
      slot.renew(STORING);
      if (writing === undefined) await blobs.put(key, part.subarray(0, filled));
      else {
        if (filled > 0) await flush();
        await writing.complete();
      }
      slot.leave();
      return { job, key, bytes: size, sha256: await hash.end(), chunks, received: cutter.received() };
    },
    async discard() {
      slot.leave();
      const parts = writing;
      const aborted = parts === undefined ? undefined : await attempt(() => parts.abort());
      // Parts that were put together before it broke off are a file, and nothing to abort any more.
      await blobs.remove(key);
      if (aborted?.ok === false) throw aborted.error;
    },
  };
}

const TOO_LARGE = fault("malformed", "body-too-large", `The file is larger than ${FILE_MOST} bytes: send it in parts`);
const TOO_MANY_LINES = fault(
  "malformed",
  "body-too-large",
  `The file has more than ${LINES_MOST} lines: send it in parts`,
);
export const BACKLOG = fault(
  "unavailable",
  "overloaded",
  "More is being imported at the moment than can be; nothing was begun",
  { retryAfter: seconds(30) },
);
const IMPORTS_FULL = fault(
  "limited",
  "jobs-too-many",
  `This space has ${IMPORTS_MOST} unfinished imports, which is as many as it may have: wait until one has ended, or cancel it`,
  { retryAfter: seconds(30) },
);
