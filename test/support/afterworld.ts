// The machinery that follows a space's log, whole and real, on a database of its own: queues, clock and receivers are the test's, and so is
// when an invocation dies.

import { schemaEngine } from "../../src/adapters/json-schema/schema-engine.ts";
import { readMarkdown } from "../../src/adapters/markdown/read-markdown.ts";
import { english } from "../../src/adapters/readability/english.ts";
import { type Entry, type EntryEvent, evolve, NO_ENTRY } from "../../src/contexts/authoring/domain/entry.ts";
import { changeOf } from "../../src/contexts/authoring/entry-change.ts";
import type { TypeShape } from "../../src/contexts/delivery/delivery.ts";
import type { Provider } from "../../src/contexts/generation/generation.ts";
import type { Posted } from "../../src/contexts/webhooks/webhooks.ts";
import { renderOutcome } from "../../src/http/render-outcome.ts";
import { readImportLine } from "../../src/http/transfer/import-line.ts";
import { afterwards } from "../../src/jobs/afterwards.ts";
import { openJobs, type QueueMessage } from "../../src/jobs/jobs.ts";
import { queueOfJob } from "../../src/jobs/messages.ts";
import { REACTIONS } from "../../src/jobs/reactions.ts";
import { type Clock, type Instant, instant, seconds } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { ORIGIN, type Position, position } from "../../src/kernel/position.ts";
import type { SqlClient } from "../../src/platform/database/database.ts";
import { openDatabase } from "../../src/platform/database/open-database.ts";
import { DatabaseUnavailable } from "../../src/platform/database/outage.ts";
import type { Endpoint, Topology } from "../../src/platform/database/topology.ts";
import type { Change } from "../../src/platform/event-log/commit.ts";
import { openWriter } from "../../src/platform/event-log/open-writer.ts";
import type { Digest } from "../../src/platform/freshness/digest.ts";
import type { JobKind } from "../../src/platform/jobs/job.ts";
import { coalescedBells } from "../../src/platform/relay/bell.ts";
import { openDeadLetters } from "../../src/platform/relay/dead-letters.ts";
import type { DirtySet, Mark, SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { eventSource } from "../../src/platform/relay/event-source.ts";
import { followers } from "../../src/platform/relay/followers.ts";
import { spaceCalls } from "../../src/platform/relay/space-calls.ts";
import { subscriberLog } from "../../src/platform/relay/subscriber-log.ts";
import { sweepDirty } from "../../src/platform/relay/sweep.ts";
import { guard } from "../../src/platform/resilience/guard.ts";
import { Outage } from "../../src/platform/resilience/outage.ts";
import { type Life, live, ownDatabase, stepped } from "./pg-client.ts";

export interface Sent {
  readonly url: string;
  readonly at: Instant;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages whose shape they assert
  readonly body: any;
}
/** What a receiver does: answers, or throws as no answer. */
export type Receives = (sent: Sent) => Posted | Promise<Posted>;
export const answer = (status: number, headers: Readonly<Record<string, string>> = {}): Posted => ({
  status,
  headers,
  body: "",
});
export const silence: Receives = () => {
  throw new DOMException("No answer came in time", "TimeoutError");
};

interface Queued {
  readonly queue: string;
  readonly id: string;
  readonly body: unknown;
  readonly due: Instant;
  attempts: number;
}

const MINUTE = 60_000;
const endpoint: Endpoint = { name: "own", region: "here", latitude: 0, longitude: 0, url: "postgres://own" };
const topology: Topology = { home: "own", shards: [{ name: "own", residency: "us", primary: endpoint, readers: [] }] };
const SHAPE: TypeShape = {
  type: "note",
  revision: 1,
  locales: ["en"],
  defaultLocale: "en",
  fields: [],
  composites: [],
};

const SETTINGS = { name: "s", locales: ["en"], defaultLocale: "en" };

export type World = Awaited<ReturnType<typeof openWorld>>;

/** `kinds`: jobs of the test's own; `provider`: who drafts. */
export async function openWorld(
  server: string,
  kinds: (clock: Clock) => readonly JobKind[] = () => [],
  provider?: Provider,
) {
  const { client, sql, hold, waiting, tell, end } = await ownDatabase(server);
  let now = instant(Date.now());
  const clock: Clock = { now: () => now };
  const patient = guard("own", {
    timeout: seconds(60) as never,
    breakAfter: 1e9,
    halfOpenAfter: 1 as never,
    bulkhead: 1e6,
    clock,
  });
  const state = {
    /** `late`: its next two answers are not waited for. */
    redis: "there" as "there" | "away" | "late" | "late again",
    queues: "there" as "there" | "away",
    /** How often a file can still be read. */
    reads: Number.POSITIVE_INFINITY,
    /** Waited for when a file was read. */
    afterRead: async (): Promise<void> => undefined,
    /** How often the primary still takes a call. */
    calls: Number.POSITIVE_INFINITY,
    /** Waited for before a call of the primary is made. */
    beforeCall: async (_: string): Promise<void> => undefined,
    /** How an import waits, for so many milliseconds. */
    sleep: (_: number): Promise<void> => new Promise((resolve) => setImmediate(resolve)),
    /** Much else is under way beside an import. */
    isBusy: false,
    /** What a call of the primary throws. */
    fails: (_: string): Error | undefined => undefined,
    random: Math.random,
  };
  const shards = {
    topology,
    client: stepped<SqlClient>({
      async call(...asked) {
        if (state.calls === 0) throw new DatabaseUnavailable("the primary is away");
        state.calls -= 1;
        const { text, params } = asked[1];
        await state.beforeCall(`${text} ${String(params[0])}`);
        const failure = state.fails(`${text} ${String(params[0])}`);
        if (failure !== undefined) throw failure;
        return await client.call(...asked);
      },
      async snapshot(...asked) {
        if (state.calls === 0) throw new DatabaseUnavailable("the primary is away");
        return await client.snapshot(...asked);
      },
    }),
    guardOf: () => ({
      ...patient,
      run: <T>(work: (signal: AbortSignal) => Promise<T>) => work(AbortSignal.timeout(60_000)),
    }),
  };
  const queue: Queued[] = [];
  const sent: Sent[] = [];
  const receivers = new Map<string, Receives>();
  const lines: { event: string; [fact: string]: unknown }[] = [];
  const marks = new Map<number, Mark>();
  const entries = new Map<string, Entry>();
  let ids = 0;

  const push = (name: string, body: unknown, delay: number): void => {
    if (state.queues === "away") throw new Outage("queues", "failed");
    ids += 1;
    queue.push({ queue: name, id: `m${ids}`, body, due: instant(now + delay * 1_000), attempts: 0 });
  };
  const redis = (): void => {
    const { redis: now } = state;
    if (now === "late" || now === "late again") state.redis = now === "late" ? "late again" : "there";
    if (now !== "there") throw new Outage("redis", now === "away" ? "open" : "timeout");
  };
  const headOf = async (uid: number): Promise<Position> =>
    position(
      ((await sql("select position from space_head where space = $1", [uid]))[0]?.["position"] as number | undefined) ??
        0,
    );
  const digest = stepped({
    async heads(spaces: readonly SpaceAddress[]) {
      redis();
      return Promise.all(spaces.map(({ uid }) => headOf(uid)));
    },
    async advance(_: unknown, __: unknown, to: Position) {
      redis();
      return to;
    },
  }) as unknown as Digest;
  const dirty: DirtySet = {
    async mark(space, mark) {
      redis();
      marks.set(space.uid, { space, mark });
      return undefined;
    },
    async remark(many) {
      for (const one of many) marks.set(one.space.uid, one);
    },
    async remind(many) {
      for (const one of many)
        if ((marks.get(one.space.uid)?.mark ?? Number.POSITIVE_INFINITY) > one.mark) marks.set(one.space.uid, one);
    },
    async oldest(most, upTo = Number.POSITIVE_INFINITY) {
      redis();
      return [...marks.values()]
        .filter(({ mark }) => mark <= upTo)
        .sort((one, other) => one.mark - other.mark)
        .slice(0, most);
    },
    async remove(many) {
      for (const { space, mark } of many) if (marks.get(space.uid)?.mark === mark) marks.delete(space.uid);
    },
  };
  const report = (event: string, facts: JsonObject) => void lines.push({ event, ...facts });
  const bells = coalescedBells(
    stepped({ ring: async (bell: object, { delay }: { delay: number }) => push("changes", { ...bell }, delay) }),
    clock,
  );
  // Each invocation stands for an isolate of its own: what one remembers having rung is nothing to the next.
  const ringing = {
    ring: (bell: Parameters<typeof bells.ring>[0]) => bells.ringLater(bell, { delay: seconds(1) }),
    ringLater: bells.ringLater,
  };
  const insightRing = stepped({
    ring: async (bell: object, { delay }: { delay: number }) => push("insight", { ...bell }, delay),
  });
  const insightRinging = {
    ring: (bell: Parameters<typeof bells.ring>[0]) => insightRing.ring(bell, { delay: seconds(1) }),
    ringLater: (bell: Parameters<typeof bells.ring>[0], { delay }: { readonly delay: number }) =>
      insightRing.ring(bell, { delay }),
  };
  const waker = stepped({
    async deliveries({ uid, epoch, residency }: SpaceAddress, wakes: readonly { id: string; delay: number }[]) {
      try {
        for (const { id, delay } of wakes) push("deliveries", { uid, epoch, residency, delivery: id }, delay);
      } catch {
        report("not-woken", {});
      }
    },
    async replay({ uid, epoch, residency }: SpaceAddress, id: string) {
      push("work", { uid, epoch, residency, kind: "webhook-replay", job: id }, 0);
    },
  });
  const jobWaker = stepped({
    async jobs(
      { uid, epoch, residency }: SpaceAddress,
      wakes: readonly { kind: string; id: string; delay?: number }[],
    ) {
      try {
        for (const { kind, id, delay = 0 } of wakes)
          push(queueOfJob(kind), { uid, epoch, residency, kind, job: id }, delay);
      } catch {
        report("not-woken", {});
      }
    },
  });
  const courier = stepped({
    async post(url: string, headers: Readonly<Record<string, string>>, body: string) {
      const one: Sent = { url, at: now, id: headers["webhook-id"] ?? "", body: JSON.parse(body) };
      sent.push(one);
      return await (receivers.get(url) ?? (() => answer(200)))(one);
    },
  });
  const files = new Map<string, Uint8Array>();
  const blobs = stepped({
    async put(key: string, bytes: Uint8Array) {
      files.set(key, bytes.slice());
    },
    async begin(): Promise<never> {
      throw new Error("files of tests are small");
    },
    async read(key: string, { starts, bytes }: { starts: number; bytes: number }) {
      if (state.reads === 0) throw new Outage("blobs", "failed");
      state.reads -= 1;
      const found = files.get(key)?.slice(starts, starts + bytes);
      await state.afterRead();
      return found;
    },
    async remove(key: string) {
      if (state.reads === 0) throw new Outage("blobs", "failed");
      files.delete(key);
    },
  });
  const announcer = {
    beforeCommit: async (space: SpaceAddress) => ({ seen: await dirty.mark(space, now * 1_000) }),
    afterUnknown: () => undefined,
    afterCommit: async ({ uid, epoch, residency }: SpaceAddress, { position: at }: { position: number }) =>
      push("changes", { uid, epoch, residency, position: at }, 1),
  };
  const database = openDatabase({ ...shards, guardOf: () => patient });
  const parts = {
    digest,
    events: eventSource(shards),
    log: subscriberLog(shards),
    call: spaceCalls(shards),
    deadLetters: openDeadLetters(shards),
    bells: ringing,
    insightBells: insightRinging,
    waker,
    jobWaker,
    imports: {
      blobs,
      announcer: () => announcer,
      readLine: readImportLine,
      schemas: schemaEngine(),
      sleep: (ms: number) => state.sleep(ms),
      isBusy: () => state.isBusy,
    },
    destinations: { whyNotSave: async () => undefined, whyNotSend: async () => undefined },
    vault: { seal: async (text: string) => text, open: async (text: string) => text },
    signer: { sign: () => "v1,signed" },
    courier,
    drafting: { provider: provider && stepped(provider), schemas: schemaEngine() },
    analyse: { readMarkdown, english, pause: async () => undefined },
    clock,
    report,
    uuid: () => crypto.randomUUID(),
    random: () => 0,
    digestLag: seconds(0),
    keptUnasked: seconds(60),
    readerOf: (space: Parameters<typeof database.reader>[0]["space"]) =>
      database.reader({ space, from: "primary", caller: "job" }),
    openWriter: (_: unknown, binding: Parameters<typeof openWriter>[1]) =>
      openWriter(
        {
          client: shards.client,
          announcer,
          sealer: { seal: async (text) => text, open: async (text) => text },
          primaryOf: () => endpoint,
          guardOf: () => patient,
          uuid: () => crypto.randomUUID(),
        },
        binding,
      ),
    render: (outcome: Parameters<typeof renderOutcome>[0]) => renderOutcome(outcome, undefined),
  };
  const { tools: made, rouses } = afterwards(parts);
  const tools = { ...made, jobs: { ...made.jobs, kinds: [...made.jobs.kinds, ...kinds(clock)] } };
  const consume = openJobs({
    tools,
    reactions: REACTIONS,
    report,
    giveUp: async (said) => push("dead-letters", { gaveUp: said }, 0),
  });
  const sweeping = {
    ...parts,
    dirty,
    bells: ringing,
    followers: followers({ ...shards, clock, report }, rouses),
  };

  /** One invocation with these messages: each is acked, tried again, or, when it dies, comes again. */
  async function invoke(messages: readonly Queued[], life: Life = { killAt: 0, steps: 0, dead: false }): Promise<Life> {
    const [first] = messages;
    if (first === undefined) return life;
    const left = new Map(messages.map((message) => [message, undefined as number | undefined]));
    const given: QueueMessage[] = messages.map((message) => {
      message.attempts += 1;
      return {
        id: message.id,
        body: message.body,
        attempts: message.attempts,
        ack: () => {
          if (!life.dead) left.delete(message);
        },
        retry: (options) => {
          if (!life.dead) left.set(message, options?.delaySeconds ?? 5);
        },
      };
    });
    const behind: Promise<unknown>[] = [];
    await live(life, async () => {
      await consume({ queue: `meridian-${first.queue}`, messages: given }, (work) => behind.push(work));
      await Promise.all(behind);
    });
    for (const [message, delay] of left) queue.push({ ...message, due: instant(now + (delay ?? 5) * 1_000) });
    return life;
  }

  const due = (): Queued[] => queue.filter((message) => message.due <= now);
  function take(message: Queued): Queued {
    queue.splice(queue.indexOf(message), 1);
    return message;
  }

  return {
    sql,
    hold,
    waiting,
    tell,
    end,
    tools,
    state,
    queue,
    sent,
    lines,
    marks,
    files,
    invoke,
    take,
    due,
    now: () => now,
    /** Moves the clock. */
    pass(ms: number): void {
      now = instant(now + ms);
    },
    receive(url: string, receives: Receives): void {
      receivers.set(url, receives);
    },
    sweep: () => sweepDirty(sweeping as never),
    async space(): Promise<SpaceAddress> {
      const [row] = await sql(
        "insert into directory (id, residency, state) values ($1, 'us', 'active') returning uid",
        [`s-${crypto.randomUUID().slice(0, 8)}`],
      );
      const space = { uid: spaceUid(row?.["uid"] as number), epoch: 1, residency: "us" };
      await commit(space, {
        streams: [{ i: 0, id: "space", x: 0, n: 1 }],
        events: [event("space", 1, "SpaceCreated", {})],
        create: { epoch: 1 },
        settings: { id: `s${space.uid}`, state: "active", document: SETTINGS, revision: 1 },
      });
      return space;
    },
    async hook(space: SpaceAddress, id: string, settings: JsonObject = {}): Promise<string> {
      const url = `https://${id}.example/`;
      const data = {
        url,
        events: ["entry.published", "entry.unpublished"],
        types: null,
        description: null,
        enabled: true,
        secret: "whsec_",
        ...settings,
      };
      await commit(space, {
        streams: [{ i: 0, id: `webhook:${id}`, x: 0, n: 1 }],
        events: [event(`webhook:${id}`, 1, "WebhookCreated", data)],
      });
      return url;
    },
    /** One commit of these events of an entry; created first when it is not there. Answers the position of the last. */
    async write(
      space: SpaceAddress,
      id: string,
      ...wanted: readonly ("publish" | "unpublish" | "update")[]
    ): Promise<number> {
      const key = `${space.uid}:${id}`;
      const before = entries.get(key) ?? NO_ENTRY;
      let after = before;
      const events: EntryEvent[] = [];
      const add = (one: EntryEvent): void => {
        events.push(one);
        after = evolve(after, one);
      };
      if (before.is === "absent") add({ type: "EntryCreated", data: { type: "note", slug: null, fields: { n: 0 } } });
      for (const want of wanted) {
        if (after.is === "absent") throw new Error("it is gone");
        if (want === "update")
          add({ type: "EntryUpdated", data: { slug: null, fields: { n: after.version }, version: after.version + 1 } });
        else if (want === "publish") add({ type: "EntryPublished", data: { version: after.version } });
        else add({ type: "EntryUnpublished", data: {} });
      }
      const change = changeOf({ id, before, events, shape: SHAPE, actor: "key:x", force: false });
      if (!change.ok) throw new Error(change.fault.detail);
      const at = await commit(space, change.value);
      entries.set(key, after);
      return at;
    },
    commit,
    /** As the committer does it: the mark before, the bell after. */
    async mark(space: SpaceAddress): Promise<void> {
      await dirty.mark(space, now * 1_000);
    },
    bell(space: SpaceAddress, at: number = ORIGIN + 1): void {
      push("changes", { ...space, position: at }, 1);
    },
    /** Lets everything happen that is going to: messages one by one in order, the sweep each minute, until nothing is left or `most` has passed. */
    async settle(most = 10 * MINUTE): Promise<void> {
      const last = now + most;
      for (let nextSweep = now + MINUTE; ; ) {
        const [message] = due().sort((one, other) => one.due - other.due);
        if (message !== undefined) {
          await invoke([take(message)]);
          continue;
        }
        if (queue.length === 0 && marks.size === 0) return;
        if (now >= last) return;
        const next = Math.min(nextSweep, ...queue.map((one) => one.due));
        now = instant(Math.max(now, next));
        if (now >= nextSweep) {
          await sweepDirty(sweeping as never);
          nextSweep = now + MINUTE;
        }
      }
    },
  };

  function event(stream: string, version: number, type: string, data: JsonObject) {
    return { n: 1, stream, version, type, schema: 1, data, tags: [] };
  }

  async function commit(space: SpaceAddress, change: Change): Promise<number> {
    const payload = {
      space: space.uid,
      commit: crypto.randomUUID(),
      meta: { actor: "key:x", requestId: "r" },
      placeholders: { at: "@at", position: "@position" },
      ...change,
    };
    const [row] = await client.call(
      endpoint,
      { text: "select commit_write($1::jsonb) as answer", params: [JSON.stringify(payload)] },
      { signal: AbortSignal.timeout(60_000), caller: "job" },
    );
    const committed = row?.["answer"] as { position?: number; refused?: string };
    if (committed.position === undefined || committed.refused !== undefined)
      throw new Error(`refused: ${committed.refused}`);
    return committed.position;
  }
}
