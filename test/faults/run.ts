// One fault run: clients of all kinds in several spaces, faults by the seed, and afterwards every invariant.
import { seeded } from "../../bench/numbers/chance.ts";
import { bundleProduct } from "../../bench/workers/bundle.ts";
import type { Stack } from "../../local/stack.ts";
import { newCanary } from "../support/invariants/answers.ts";
import { findViolations } from "../support/invariants/invariants.ts";
import { type LoggedEvent, readLog } from "../support/invariants/log.ts";
import { openRecorder, type RecordedFault, type Recorder, type Violation } from "../support/invariants/recording.ts";
import { openPostgres, type Session } from "../support/postgres.ts";
import { type Caller, openCaller } from "./caller.ts";
import { type Disturbed, disturb, healAll } from "./disturb.ts";
import { edit, type Ground, TYPES, typeBody } from "./editors.ts";
import { importOn, readImports, sendAgain, type Unsent } from "./importers.ts";
import { ringEveryMinute } from "./minutes.ts";
import { Follower, readOn, readsAgainstLog, type Seen } from "./readers.ts";
import { MANNERS, openReceivers, type Receivers } from "./receivers.ts";
import type { Phase } from "./schedule.ts";
import { settle } from "./settle.ts";
import { openStore } from "./store.ts";
import { startWorkers } from "./workers.ts";

export interface FaultRun {
  readonly stack: Pick<Stack, "control" | "topology" | "neon" | "redis" | "postgres" | "rootKey" | "secret">;
  readonly seed: number;
  readonly ms: number;
  /** None: nothing goes wrong, and then nothing may. */
  readonly phases: readonly Phase[];
  readonly log: (line: string) => void;
}

export interface FaultReport {
  readonly violations: readonly Violation[];
  readonly faults: readonly RecordedFault[];
  readonly answers: number;
  readonly writes: number;
  readonly acknowledged: number;
  readonly events: number;
  readonly messages: number;
  readonly reads: number;
  /** Files that were sent, and their lines. */
  readonly imports: number;
  readonly lines: number;
  readonly unavailable: number;
  readonly unanswered: number;
  /** Lines of the Workers' logs. */
  readonly told: readonly string[];
}

export const WORKERS = 2;
const EDITORS = 5;
const READERS = 2;
const IMPORTERS = 2;
/** Milliseconds between two writes of an editor, and two reads of a reader, at most: about 60 requests a second in all. */
const PAUSE = 150;
/** Between two files. */
const IMPORT_PAUSE = 3_000;
const SPACES = ["us", "us", "eu"];
const FAITHFUL = [
  "entry.created",
  "entry.updated",
  "entry.published",
  "entry.unpublished",
  "entry.archived",
  "entry.unarchived",
  "entry.deleted",
  "type.saved",
  "import.completed",
];
/** Without anything getting done. */
const PATIENCE_MS = 100_000;

export async function runFaults({ stack, seed, ms, phases, log }: FaultRun): Promise<FaultReport> {
  const recorder = openRecorder();
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const store = await openStore();
    undo.push(store.stop);
    const workers = await startWorkers(stack, await bundleProduct(), WORKERS, store);
    undo.push(workers.stop);
    const receivers = await openReceivers(recorder, seeded(seed + 1));
    undo.push(receivers.close);
    const shards = new Map<string, Session>();
    for (const { residency, primary } of stack.topology.shards) {
      const sql = await openPostgres(stack.postgres[primary.name] as string);
      shards.set(residency, sql);
      undo.push(sql.end);
    }
    const redis = redisOf(stack.redis);
    const callerOf = (n: number): Caller => openCaller(workers, recorder, seeded(seed * 31 + n));
    const grounds: Ground[] = [];
    for (const [n, residency] of SPACES.entries())
      grounds.push(
        await makeGround({
          caller: callerOf(100),
          recorder,
          receivers,
          shards,
          rootKey: stack.rootKey,
          name: `f${seed}-${n}`,
          residency,
        }),
      );

    const disturbed: Disturbed = { control: stack.control, workers, store, recorder, redis, log };
    undo.push(() => healAll(disturbed, stack.topology));
    const stopRinging = ringEveryMinute(workers);
    undo.push(stopRinging);
    const begun = Date.now();
    const isOver = (): boolean => Date.now() - begun >= ms;
    const followers = grounds.map((ground) => new Follower(ground));
    const seen: Seen[] = [];
    const unsent: Unsent[] = [];
    const shared = { recorder, grounds, rootKey: stack.rootKey, isOver, pause: PAUSE };
    const clients = [
      ...Array.from({ length: EDITORS }, (_, n) =>
        edit({ ...shared, caller: callerOf(n), random: seeded(seed * 37 + n) }),
      ),
      ...Array.from({ length: READERS }, (_, n) =>
        readOn({ ...shared, caller: callerOf(50 + n), random: seeded(seed * 41 + n) }, seen),
      ),
      ...Array.from({ length: IMPORTERS }, (_, n) =>
        importOn({
          ...{ ...shared, unsent, name: `i${n}`, pause: IMPORT_PAUSE },
          ...{ caller: callerOf(90 + n), random: seeded(seed * 47 + n) },
        }),
      ),
      ...followers.map((follower, n) =>
        follower.follow({ ...shared, caller: callerOf(70 + n), random: seeded(seed * 43 + n) }),
      ),
    ];
    await Promise.all([...clients, disturb(disturbed, phases, begun)]);
    log(`${((Date.now() - begun) / 1_000).toFixed(1)} s: the clients are done, everything heals`);
    await healAll(disturbed, stack.topology);
    receivers.heal();
    const caller = callerOf(200);
    log(`${unsent.length} files are sent again, which nobody has answered to`);
    await sendAgain(caller, unsent);
    await stopRinging();
    // The last fault: everything dies and starts again.
    const last = { what: "everything is killed once more", from: Date.now() };
    const isQuiet = await settle(
      { workers, spaces: recorder.spaces, shards, redis, log, patienceMs: PATIENCE_MS },
      WORKERS,
    );
    recorder.faults.push({ ...last, to: Date.now() });
    if (!isQuiet) log("it did not become quiet");

    const found: Violation[] = [];
    for (const ground of grounds) await readImports(caller, ground, recorder);
    found.push(...leftFiles(await store.keys(), recorder));
    for (const follower of followers) found.push(...(await follower.compare(caller)));
    for (const ground of grounds) found.push(...(await revokedKeysOf(caller, ground)));
    const primaries = Object.fromEntries(
      stack.topology.shards.map(({ residency, primary }) => [residency, stack.postgres[primary.name] as string]),
    );
    found.push(...(await findViolations(recorder, { primaries, redis, secret: stack.secret })));
    const logs = new Map<string, readonly LoggedEvent[]>();
    for (const space of recorder.spaces) {
      const events = await readLog(shards.get(space.residency) as Session, space.uid);
      logs.set(space.id, events);
      found.push(...readsAgainstLog(space, events, seen));
    }
    return {
      violations: found,
      faults: recorder.faults,
      answers: recorder.answers(),
      writes: recorder.writes.length,
      acknowledged: recorder.writes.filter(({ acknowledged }) => acknowledged !== undefined).length,
      events: [...logs.values()].reduce((sum, events) => sum + events.length, 0),
      messages: recorder.deliveries.length,
      reads: seen.length,
      imports: recorder.imports.length,
      lines: recorder.imports.reduce((sum, { lines }) => sum + lines.length, 0),
      unavailable: recorder.troubles.filter(({ status }) => status !== 0).length,
      told: workers.lines,
      unanswered: recorder.troubles.filter(({ status }) => status === 0).length,
    };
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

interface NewGround {
  readonly caller: Caller;
  readonly recorder: Recorder;
  readonly receivers: Receivers;
  readonly shards: ReadonlyMap<string, Session>;
  readonly rootKey: string;
  readonly name: string;
  readonly residency: string;
}

async function makeGround(parts: NewGround): Promise<Ground> {
  const { caller, recorder, receivers, shards, rootKey, name, residency } = parts;
  const id = `${name}-${Date.now().toString(36)}`;
  const must = async (
    space: Parameters<Caller["ask"]>[0],
    method: string,
    path: string,
    key: string,
    body: unknown,
  ) => {
    const heard = await caller.ask(space, { method, path, key, body });
    if (heard.status < 200 || heard.status >= 300) throw new Error(`${method} ${path}: ${heard.status} ${heard.text}`);
    return heard;
  };
  const settings = { name: id, residency, locales: ["en"], defaultLocale: "en", publicRead: false, plan: "scale" };
  await must(undefined, "POST", "/v1/spaces", rootKey, { id, ...settings });
  const home = shards.get("us") as Session;
  const [row] = await home("select uid from directory where id = $1", [id]);
  const space = { id, uid: row?.["uid"] as number, epoch: 1, residency, canary: newCanary() };
  recorder.spaces.push(space);
  const scopes = [
    "content:read",
    "content:preview",
    "content:write",
    "content:publish",
    "types:write",
    "webhooks:write",
    "keys:write",
    "transfer:write",
  ];
  const key = (await must(space, "POST", "keys", rootKey, { name: "run", scopes })).body.key as string;
  for (const type of TYPES) await must(space, "PUT", `types/${type}`, key, typeBody(type, space.canary));
  const faithful: string[] = [];
  for (const manner of MANNERS) {
    const made = await must(space, "POST", "webhooks", key, { url: receivers.url(id, manner), events: FAITHFUL });
    const webhook = made.body.id as string;
    receivers.knows(receivers.pathOf(id, manner), id, webhook);
    if (manner !== "gone") faithful.push(webhook);
    recorder.webhooks.push({
      space: id,
      id: webhook,
      events: FAITHFUL,
      since: made.position,
      isFaithful: manner !== "gone",
    });
  }
  const passing = receivers.url(id, "well").replace(/\/well$/, "/passing");
  return { space, key, passing, faithful, reached: 0, revoked: [] };
}

async function revokedKeysOf(caller: Caller, { space, revoked }: Ground): Promise<readonly Violation[]> {
  const found: Violation[] = [];
  for (const key of revoked) {
    const { status } = await caller.ask(space, { method: "GET", path: "content/note?limit=1", key });
    if (status !== 401)
      found.push({ invariant: "revocation", space: space.id, what: `a revoked key is answered with ${status}` });
  }
  return found;
}

/** What a request leaves that dies before there is a job, a rule of the bucket removes; what is a job's, its end. */
function leftFiles(keys: readonly string[], { imports }: Recorder): readonly Violation[] {
  const jobs = new Map(imports.flatMap(({ space, jobs: own }) => [...own].map((job) => [job, space] as const)));
  return keys.flatMap((key) => {
    const [job = ""] = key.split("/").slice(-1);
    const space = jobs.get(job);
    return space === undefined
      ? []
      : [{ invariant: "imports" as const, space, what: `the file of import ${job} is left` }];
  });
}

export function redisOf({ url, token }: Stack["redis"]): (...command: readonly string[]) => Promise<unknown> {
  return async (...command) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(command),
    });
    const answer = (await response.json()) as { readonly result?: unknown; readonly error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  };
}
