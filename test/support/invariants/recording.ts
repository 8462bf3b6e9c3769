// What a run did and was told: writes with all their attempts, answers, deliveries, and when something was made to go wrong. What can be judged
// by itself (whose content is in an answer, what an error looks like) is judged when it comes, so that a long run need not keep it.
import { canariesIn, problemFaults, problemIn } from "./answers.ts";

/** The eight of the design by their numbers, and promises that a run can see broken from outside. */
export type Invariant = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | "at-least" | "following" | "revocation" | "imports";

export interface Violation {
  readonly invariant: Invariant;
  readonly space?: string;
  readonly what: string;
}

export interface RecordedSpace {
  readonly id: string;
  readonly uid: number;
  readonly epoch: number;
  readonly residency: string;
  /** Stands in everything that is written to the space, and nowhere else: `canaryOf`. */
  readonly canary: string;
}

export interface Attempt {
  /** 0: there was no answer. */
  readonly status: number;
  readonly code?: string;
  readonly requestId?: string;
}

/** What of an entry's answer can be compared with the log. */
export interface ToldEntry {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly publishedVersion: number | null;
}

/** One thing that a client wanted, in as many attempts as it took: under one Idempotency-Key, or in one attempt. */
export interface RecordedWrite {
  readonly space: string;
  readonly what: string;
  /** The trace id that every attempt carried: the log keeps it with the events. */
  readonly trace: string;
  /** False: it may be answered with success although it changed nothing. */
  readonly changes: boolean;
  readonly attempts: readonly Attempt[];
  readonly acknowledged?: { readonly status: number; readonly position: number; readonly entry?: ToldEntry };
}

export interface RecordedWebhook {
  readonly space: string;
  readonly id: string;
  readonly events: readonly string[];
  /** Position of the event that made it. */
  readonly since: number;
  /** True: it was never changed, and its receiver is well in the end, so that it was told of everything. */
  readonly isFaithful: boolean;
}

/** One line of a file that was sent to be imported; each of a file names another entry. */
export interface RecordedLine {
  /** Physical, from 1. */
  readonly number: number;
  /** Undefined: it cannot be told from the line. */
  readonly id: string | undefined;
  readonly token: string;
  readonly publish: boolean;
  /** The code of what is wrong with it, whatever else happens. */
  readonly wrong?: string;
  /** Nobody but imports writes the entry, and nobody refers to it who may be refused. */
  readonly isOwn: boolean;
}

export interface ImportCounts {
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
}

/** What a client was told of its import. */
export interface ImportView extends ImportCounts {
  readonly status: string;
}

/** A file under one Idempotency-Key, however often and by however many at once it was sent. */
export interface RecordedImport {
  readonly space: string;
  readonly key: string;
  readonly lines: readonly RecordedLine[];
  /** Of every answer that told of one. More than one is a violation. */
  readonly jobs: Set<string>;
  /** In the order in which they were asked for, one after the other. */
  readonly views: ImportView[];
  /** Somebody asked for it to be cancelled. */
  isCancelled: boolean;
}

/** One request that a receiver got. */
export interface RecordedDelivery {
  readonly space: string;
  readonly webhook: string;
  /** `webhook-id`. */
  readonly message: string;
  readonly event: string;
  readonly position: number;
  /** The entry or whatever else it tells of. */
  readonly lane: string;
  readonly version: number | undefined;
  readonly replayed: boolean;
  /** Of `import.completed`. */
  readonly counts?: ImportCounts;
}

export interface RecordedFault {
  readonly what: string;
  /** Milliseconds since the epoch; `to` is when it was lifted. */
  readonly from: number;
  readonly to: number;
}

/** A file that was sent, whatever became of it. */
export interface RecordedUpload {
  readonly space: string | undefined;
  readonly worker: string | undefined;
  readonly from: number;
  /** When it was answered; without an answer, when whoever takes files in will have noticed. */
  readonly to: number;
}

export interface RecordedTrouble {
  readonly space: string | undefined;
  /** A file was sent, and refused as one too many. */
  readonly isCrowdedOut?: boolean;
  readonly worker?: string | undefined;
  readonly what: string;
  readonly status: number;
  readonly from: number;
  readonly to: number;
  readonly requestId: string | undefined;
}

export interface HeardAnswer {
  /** Where it was asked, when there are several. */
  readonly worker?: string;
  /** Whose content may be in it; undefined: nobody's in particular. */
  readonly space: string | undefined;
  readonly method: string;
  readonly path: string;
  /** 0: there was none. */
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

export interface Recording {
  readonly spaces: readonly RecordedSpace[];
  readonly writes: readonly RecordedWrite[];
  readonly webhooks: readonly RecordedWebhook[];
  readonly imports: readonly RecordedImport[];
  /** In the order in which they came. */
  readonly deliveries: readonly RecordedDelivery[];
  readonly faults: readonly RecordedFault[];
  /** Answers of 5xx, and requests without an answer. */
  readonly troubles: readonly RecordedTrouble[];
  /** But for those that were refused as one too many. */
  readonly uploads: readonly RecordedUpload[];
  /** What was seen to be wrong when it came. */
  readonly seen: readonly Violation[];
}

export interface Recorder extends Recording {
  readonly spaces: RecordedSpace[];
  readonly writes: RecordedWrite[];
  readonly webhooks: RecordedWebhook[];
  readonly imports: RecordedImport[];
  readonly faults: RecordedFault[];
  readonly troubles: RecordedTrouble[];
  readonly uploads: RecordedUpload[];
  readonly seen: Violation[];
  readonly answers: () => number;
  hear(answer: HeardAnswer): void;
  receive(delivery: RecordedDelivery, text: string): void;
}

const UPLOAD = /^\/v1\/spaces\/[^/]+\/imports(\?|$)/;
/** Milliseconds after which a file whose sender has gone keeps nobody out any more. */
const UPLOAD_CLAIM = 23_000;

export function openRecorder(): Recorder {
  const deliveries: RecordedDelivery[] = [];
  const recorder: Omit<Recorder, "hear" | "receive" | "answers"> = {
    spaces: [],
    writes: [],
    webhooks: [],
    imports: [],
    deliveries,
    faults: [],
    troubles: [],
    uploads: [],
    seen: [],
  };
  let answers = 0;
  const lookFor = (space: string, text: string, where: string): void => {
    const own = recorder.spaces.find(({ id }) => id === space)?.canary;
    for (const canary of canariesIn(text)) {
      const owner = recorder.spaces.find((one) => one.canary === canary)?.id ?? "nobody";
      if (canary !== own) recorder.seen.push({ invariant: 5, space, what: `${where} holds content of ${owner}` });
    }
  };
  return {
    ...recorder,
    answers: () => answers,
    hear(answer) {
      const { space, worker, method, path, status, headers, text, from, to } = answer;
      const what = `${method} ${path} → ${status === 0 ? "no answer" : status}`;
      answers += 1;
      // Which bound or dependency refused is in the problem's code, and nowhere else once the run is over.
      const code = status >= 500 ? problemIn(text)?.["code"] : undefined;
      const isUpload = method === "POST" && UPLOAD.test(path);
      const isCrowdedOut = isUpload && status === 503 && code === "overloaded";
      if (isUpload && !isCrowdedOut)
        recorder.uploads.push({ space, worker, from, to: status === 0 ? Math.max(to, from + UPLOAD_CLAIM) : to });
      if (status === 0 || status >= 500) {
        const told = `${what}${typeof code === "string" ? ` ${code}` : ""} after ${to - from} ms`;
        const requestId = headers.get("request-id") ?? undefined;
        recorder.troubles.push({ space, worker, isCrowdedOut, what: told, status, from, to, requestId });
      }
      if (status === 0) return;
      if (space !== undefined) lookFor(space, text, what);
      for (const fault of problemFaults(answer))
        recorder.seen.push({ invariant: 6, ...(space === undefined ? {} : { space }), what: `${what}: ${fault}` });
    },
    receive(delivery, text) {
      deliveries.push(delivery);
      lookFor(delivery.space, text, `message ${delivery.message} to webhook ${delivery.webhook}`);
    },
  };
}
