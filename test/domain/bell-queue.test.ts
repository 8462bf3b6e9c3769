// The consumer of queues and the chores of the clock: every message gets its own fate, and nothing is ever thrown.
import { beforeEach, describe, expect, test, vi } from "vitest";
import { bringDigestUpWhenSpaceAdvances } from "../../src/jobs/bring-digest-up-when-space-advances.ts";
import { openJobs, type QueueMessage } from "../../src/jobs/jobs.ts";
import { type Chores, keepHouse } from "../../src/jobs/keep-house.ts";
import { on, type React, type ReactionTools, tries } from "../../src/jobs/reaction.ts";
import { REACTIONS } from "../../src/jobs/reactions.ts";
import { instant, seconds } from "../../src/kernel/clock.ts";
import { type FaultKind, fault } from "../../src/kernel/fault.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import { ok, refuse } from "../../src/kernel/result.ts";
import { Outage } from "../../src/platform/resilience/outage.ts";

type Line = { event: string; [fact: string]: unknown };
let lines: Line[];
const report = (event: string, facts: object) => void lines.push({ event, ...facts });
const tools = {} as ReactionTools;
let given: { id: string; queue: string; reason: string; attempts: number; body: unknown }[];
let letters: "taken" | "away";
const giveUp = async (said: (typeof given)[number]) => {
  if (letters === "away") throw new Outage("queues", "failed");
  given.push(said);
};

interface Sent extends QueueMessage {
  fate?: string | [string, number | undefined];
}
let sent = 0;
function message(body: unknown, attempts = 1): Sent {
  sent += 1;
  const one: Sent = {
    id: `m${sent}`,
    body,
    attempts,
    ack: () => {
      one.fate = "acked";
    },
    retry: (options) => {
      one.fate = ["again", options?.delaySeconds];
    },
  };
  return one;
}
const bell = (uid: number, at: number) => ({ uid, epoch: 1, residency: "us", position: at });
const done: React<"SpaceAdvanced"> = async () => ok(undefined);

beforeEach(() => {
  lines = [];
  sent = 0;
  given = [];
  letters = "taken";
});

/** Delivers one batch to these reactions and gives back the messages. */
async function deliver(react: React<"SpaceAdvanced">[], messages: Sent[], queue = "meridian-changes"): Promise<Sent[]> {
  const reactions = react.map((one) => on("SpaceAdvanced", "changes", one, tries(3)));
  await openJobs({ tools, reactions, report, giveUp })({ queue, messages });
  return messages;
}
const fates = (messages: Sent[]) => messages.map(({ fate }) => fate);

describe("the consumer", () => {
  test("acks each message by itself", async () => {
    const react = vi.fn<React<"SpaceAdvanced">>(async (_, { uid }) =>
      uid === spaceUid(2) ? refuse(fault("unavailable", "away", "Away")) : ok(undefined),
    );
    const messages = await deliver([react], [message(bell(1, 4)), message(bell(2, 4)), message(bell(3, 4))]);
    expect(fates(messages)).toEqual(["acked", ["again", 10], "acked"]);
    expect(lines).toEqual([
      {
        event: "job-again",
        queue: "meridian-changes",
        message: "m2",
        attempts: 1,
        uid: 2,
        epoch: 1,
        residency: "us",
        position: 4,
        kind: "again",
        delaySeconds: 10,
        why: "away",
      },
    ]);
  });

  test("one run serves all bells of a space in a batch, for the highest position", async () => {
    const react = vi.fn(done);
    const messages = await deliver(
      [react],
      [3, 9, 5].map((at) => message(bell(1, at))),
    );
    expect(react).toHaveBeenCalledTimes(1);
    expect(react.mock.calls[0]?.[1].position).toBe(9);
    expect(fates(messages)).toEqual(["acked", "acked", "acked"]);
  });

  test("a bell without a position outlives the merge: it says to look", async () => {
    const react = vi.fn(done);
    await deliver([react], [message(bell(1, 9)), message(bell(1, 0))]);
    expect(react.mock.calls[0]?.[1].position).toBe(0);
  });

  test("two lives of a space are two spaces", async () => {
    const react = vi.fn(done);
    await deliver([react], [message(bell(1, 9)), message({ ...bell(1, 9), epoch: 2 })]);
    expect(react).toHaveBeenCalledTimes(2);
  });

  test("tries again later and later, then gives up; a bell never becomes a dead letter", async () => {
    const react: React<"SpaceAdvanced"> = async () => refuse(fault("unavailable", "away", "Away"));
    const messages = await deliver(
      [react],
      [1, 2, 3].map((attempts) => message(bell(attempts, 4), attempts)),
    );
    expect(fates(messages)).toEqual([["again", 10], ["again", 20], "acked"]);
    expect(lines.map(({ event }) => event)).toEqual(["job-again", "job-again", "job-gave-up"]);
  });

  test("waits as long as it was asked to", async () => {
    const react: React<"SpaceAdvanced"> = async () =>
      refuse(fault("limited", "slow-down", "Slow down", { retryAfter: seconds(77) }));
    expect(fates(await deliver([react], [message(bell(1, 4))]))).toEqual([["again", 77]]);
  });

  test.each<[FaultKind, Sent["fate"]]>([
    ["unavailable", ["again", 10]],
    ["limited", ["again", 10]],
    ["conflict", ["again", 10]],
    ["missing", "acked"],
    ["gone", "acked"],
    ["invalid", "acked"],
    ["forbidden", "acked"],
  ])("a refusal of kind %s ends in %j", async (kind, fate) => {
    const react: React<"SpaceAdvanced"> = async () => refuse(fault(kind, "code", "Detail"));
    expect(fates(await deliver([react], [message(bell(1, 4))]))).toEqual([fate]);
  });

  test("an exception is tried again, and does not touch other messages or other reactions", async () => {
    const thrower: React<"SpaceAdvanced"> = async (_, { uid }) => {
      if (uid === spaceUid(1)) throw new TypeError("with content");
      return ok(undefined);
    };
    const other = vi.fn(done);
    const messages = await deliver([thrower, other], [message(bell(1, 4)), message(bell(2, 4))]);
    expect(fates(messages)).toEqual([["again", 10], "acked"]);
    expect(other).toHaveBeenCalledTimes(2);
    expect(JSON.stringify(lines)).not.toContain("with content");
    expect(lines[0]?.why).toBe("TypeError");
  });

  test.each([
    [null],
    ["text"],
    [{}],
    [bell(0, 4)],
    [bell(1, -1)],
    [{ ...bell(1, 4), extra: "x" }],
    [{ ...bell(1, 4), uid: "1" }],
    [{ ...bell(1, 1.5) }],
    [{ ...bell(1, 4), residency: "" }],
  ])("a message that is not one is put down in a line and acked: %j", async (body) => {
    const react = vi.fn(done);
    expect(fates(await deliver([react], [message(body), message(bell(5, 1))]))).toEqual(["acked", "acked"]);
    expect(react).toHaveBeenCalledTimes(1);
    expect(lines).toMatchObject([{ event: "message-gave-up", why: "not a message of this queue", message: "m1" }]);
    expect(given).toEqual([{ id: "m1", queue: "changes", reason: "not a message of this queue", attempts: 1, body }]);
  });

  test("an unknown queue loses nothing but its messages; their ids stand in a line, their content does not", async () => {
    const body = { uid: 4, job: "j1", part: 2, text: "secret", position: { deep: true } };
    expect(fates(await deliver([], [message(body)], "meridian-surprise"))).toEqual(["acked"]);
    expect(lines).toEqual([
      {
        event: "message-gave-up",
        queue: "meridian-surprise",
        message: "m1",
        attempts: 1,
        uid: 4,
        job: "j1",
        part: 2,
        position: "[object Object]",
        why: "no such queue",
        given: true,
      },
    ]);
    expect(given).toMatchObject([{ queue: "meridian-surprise", body }]);
  });

  test("what cannot be given up stays, and the platform moves it in the end", async () => {
    letters = "away";
    expect(fates(await deliver([], [message({ any: "thing" })], "meridian-surprise"))).toEqual([["again", undefined]]);
  });

  test("a message whose sweep does not find it is given up with its reason", async () => {
    const reaction = on(
      "DeliveryDue",
      "deliveries",
      async () => refuse(fault("unavailable", "broken", "Broken")),
      tries(3),
    );
    const due = message({ uid: 1, epoch: 1, residency: "us", delivery: "a".repeat(24) }, 3);
    await openJobs({ tools, reactions: [reaction], report, giveUp })({ queue: "meridian-deliveries", messages: [due] });
    expect([due.fate, given]).toEqual([
      "acked",
      [{ id: "m1", queue: "deliveries", reason: "broken", attempts: 3, body: due.body }],
    ]);
  });

  test("dead letters are told apart: what we gave up, and what the platform moved", async () => {
    const heard: unknown[] = [];
    const reaction = on(
      "MessageGaveUp",
      "dead-letters",
      async (_, happened) => {
        heard.push(happened);
        return ok(undefined);
      },
      tries(3),
    );
    const body = { uid: 2, epoch: 1, residency: "eu", delivery: "b".repeat(24) };
    const messages = [
      message({ gaveUp: { id: "x1", queue: "work", reason: "broken", attempts: 8, body: { text: 1 } } }),
      message(body, 4),
    ];
    await openJobs({ tools, reactions: [reaction], report, giveUp })({
      queue: "meridian-staging-dead-letters",
      messages,
    });
    expect(fates(messages)).toEqual(["acked", "acked"]);
    expect(heard).toEqual([
      {
        letter: { id: "x1", queue: "work", reason: "broken", attempts: 8, body: '{"text":1}' },
        space: undefined,
      },
      {
        letter: { id: "m2", queue: "deliveries", reason: "retries-exhausted", attempts: 4, body: JSON.stringify(body) },
        space: { uid: 2, residency: "eu" },
      },
    ]);
  });

  test("the table of reactions serves the queue of bells", async () => {
    expect(REACTIONS.map(({ when, queue, giveUpAfter }) => [when, queue, giveUpAfter.tries])).toEqual([
      ...Array(3).fill(["SpaceAdvanced", "changes", 8]),
      ["SpaceAdvanced", "insight", 8],
      ["DeliveryDue", "deliveries", 8],
      ...Array(2).fill(["JobAsked", "work", 8]),
      ["JobAsked", "generation", 8],
      ["MessageGaveUp", "dead-letters", 100],
    ]);
  });
});

describe("bring the digest up when a space advances", () => {
  let head: number | undefined;
  let log: number;
  let away: string | undefined;
  let questions: number;
  const own = () =>
    ({
      digest: {
        heads: async () => {
          if (away === "redis") throw new Outage("redis", "open");
          return [head as Position | undefined];
        },
        advance: async (_space: unknown, _from: unknown, to: Position) => {
          head = to;
          return to;
        },
      } as unknown as ReactionTools["digest"],
      events: {
        changesAfter: async () => {
          questions += 1;
          if (away === "postgres") throw new Error("no answer");
          return { changes: [], head: position(log) };
        },
      } as unknown as ReactionTools["events"],
    }) as ReactionTools;
  const happened = (at: number) => ({ ...bell(1, at), uid: spaceUid(1), position: position(at) });
  beforeEach(() => {
    [head, log, away, questions] = [40, 42, undefined, 0];
  });

  test("the committer has done it: Postgres is left alone", async () => {
    head = 42;
    expect(await bringDigestUpWhenSpaceAdvances(own(), happened(42))).toEqual(ok(undefined));
    expect(questions).toBe(0);
  });

  test.each([41, 42, 0])("behind a bell of %i it is brought up", async (at) => {
    expect(await bringDigestUpWhenSpaceAdvances(own(), happened(at))).toEqual(ok(undefined));
    expect(head).toBe(42);
  });

  test.each(["redis", "postgres"])("%s away: the sweep rings again, so the bell is done", async (what) => {
    away = what;
    expect(await bringDigestUpWhenSpaceAdvances(own(), happened(42))).toEqual(ok(undefined));
  });

  test.each(["redis", "postgres"])(
    "%s away and the space was never marked: only this bell speaks, so it stays",
    async (what) => {
      away = what;
      expect(await bringDigestUpWhenSpaceAdvances(own(), happened(0))).toMatchObject({
        ok: false,
        fault: { kind: "unavailable" },
      });
    },
  );
});

describe("chores", () => {
  const swept = (spaces: number) => ({ spaces, repaired: 0, behind: 0 });
  let called: string[];
  const chores = (overrides: Partial<Chores> = {}): Chores => {
    const all: Chores = {
      sweepDirty: async () => swept(0),
      sweepRecent: async () => swept(0),
      settleClaims: async () => 0,
      forgetExpired: async () => 0,
      ...overrides,
    };
    const noted = (name: keyof Chores) => () => {
      called.push(name);
      return all[name]() as Promise<never>;
    };
    return {
      sweepDirty: noted("sweepDirty"),
      sweepRecent: noted("sweepRecent"),
      settleClaims: noted("settleClaims"),
      forgetExpired: noted("forgetExpired"),
    };
  };
  const at = (minute: number) => instant(Date.UTC(2026, 0, 1, 12, minute, 3));
  beforeEach(() => {
    called = [];
  });

  test("a quiet minute lets Postgres sleep", async () => {
    await keepHouse(at(7), chores(), report);
    expect([called, lines]).toEqual([["sweepDirty"], []]);
  });

  test("a busy minute also settles claims", async () => {
    await keepHouse(at(7), chores({ sweepDirty: async () => swept(2) }), report);
    expect(called).toEqual(["sweepDirty", "settleClaims"]);
    expect(lines).toEqual([{ event: "chore-done", chore: "sweep-dirty", spaces: 2, repaired: 0, behind: 0 }]);
  });

  test("once an hour everything", async () => {
    await keepHouse(at(0), chores({ forgetExpired: async () => 12 }), report);
    expect(called).toEqual(["sweepDirty", "settleClaims", "sweepRecent", "forgetExpired"]);
    expect(lines).toEqual([{ event: "chore-done", chore: "forget-expired", count: 12 }]);
  });

  test("one failing chore does not keep the others from running, and nothing is thrown", async () => {
    const fails = () => Promise.reject(new Outage("redis", "open"));
    await keepHouse(at(0), chores({ sweepDirty: fails, settleClaims: fails, sweepRecent: fails }), report);
    expect(called.length).toBe(4);
    expect(lines.map(({ event, chore }) => [event, chore])).toEqual([
      ["chore-failed", "sweep-dirty"],
      ["chore-failed", "settle-claims"],
      ["chore-failed", "sweep-recent"],
    ]);
  });
});
