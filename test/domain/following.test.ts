// A stream of changes under a clock of its own: what it says when, what it asks of whom, and when it ends.
import { describe, expect, test } from "vitest";
import type { Changes } from "../../src/contexts/delivery/delivery.ts";
import { type Following, follow } from "../../src/http/delivery/following.ts";
import { prefersEvents } from "../../src/http/delivery/prefers-events.ts";
import { instant, millis } from "../../src/kernel/clock.ts";
import { type Fault, fault } from "../../src/kernel/fault.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import { ok, refuse } from "../../src/kernel/result.ts";

const MINUTE = 60_000;
const AWAY = fault("unavailable", "database-unavailable", "Away");

/** A space of numbered changes, and all that was asked of it, by the second. */
function world({ lifetime = 5 * MINUTE, head = 0, batch = 100 } = {}) {
  const state = {
    now: 0,
    head,
    /** How far the reader is that answers pages. */
    replayed: Number.POSITIVE_INFINITY,
    digest: "on" as "on" | "silent" | "away",
    refused: undefined as Fault | undefined,
    left: false,
    at: new Map<number, (() => void)[]>(),
  };
  const asked: { readonly what: "page" | "head" | "admit"; readonly at: number }[] = [];
  const silentAt = head;
  let recordAt = 0;
  const item = (n: number) => ({ position: n, kind: "published", id: `e${n}` });
  const pageAfter = (after: number): Changes => {
    const known = Math.min(state.head, state.replayed);
    const last = Math.min(known, after + batch);
    return {
      items: Array.from({ length: Math.max(0, last - after) }, (_, n) => item(after + n + 1)),
      next: position(Math.max(after, last)),
      head: position(known),
      source: "test",
    };
  };
  const following: Following = {
    clock: { now: () => instant(state.now) },
    lifetime: millis(lifetime),
    async page(after: Position) {
      asked.push({ what: "page", at: state.now });
      return state.refused === undefined ? ok(pageAfter(after)) : refuse(state.refused);
    },
    async head() {
      asked.push({ what: "head", at: state.now });
      if (state.digest === "away") return undefined;
      return position(state.digest === "silent" ? silentAt : state.head);
    },
    async admit() {
      // A record that is four seconds old is asked for again.
      if (state.now - recordAt < 4_000) return ok(undefined);
      recordAt = state.now;
      asked.push({ what: "admit", at: state.now });
      return state.refused === undefined ? ok(undefined) : refuse(state.refused);
    },
    async wait(time) {
      const end = state.now + time;
      for (const [when, actions] of [...state.at].sort(([one], [other]) => one - other)) {
        if (when > end || state.left) break;
        state.now = Math.max(state.now, when);
        state.at.delete(when);
        for (const action of actions) action();
      }
      state.now = Math.max(state.now, end);
      return !state.left;
    },
  };
  return {
    state,
    asked,
    when(time: number, action: () => void): void {
      state.at.set(time, [...(state.at.get(time) ?? []), action]);
    },
    /** Everything until the stream ends, with the time at which each part came. */
    async run(first = pageAfter(head)) {
      const parts: { readonly at: number; readonly text: string }[] = [];
      for await (const part of follow(first, following)) {
        if (!part.ok) throw new Error(part.fault.code);
        parts.push({ at: state.now, text: part.value });
      }
      return parts;
    },
  };
}

const idsIn = (parts: readonly { readonly text: string }[]) =>
  parts.flatMap(({ text }) =>
    [...text.matchAll(/event: change\nid: (\d+)\ndata: \{.*\}\n\n/g)].map(([, id]) => Number(id)),
  );

describe("a stream", () => {
  test("begins with where it stands, so that a client that saw nothing comes back to it", async () => {
    const { run } = world({ head: 7 });
    const [first] = await run();
    expect(first?.text).toBe(": from here on\nid: 7\n\n");
  });

  test("tells each change once, within the second after the digest knows it", async () => {
    const { run, when, state } = world({ head: 3 });
    for (const [time, to] of [
      [2_500, 4],
      [10_100, 9],
      [200_000, 10],
    ] as const)
      when(time, () => {
        state.head = to;
      });
    const parts = await run();
    expect(idsIn(parts)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    const told = parts.filter(({ text }) => text.startsWith("event")).map(({ at }) => at);
    expect(told[0]! - 2_500).toBeLessThanOrEqual(2_000);
    expect(told[1]! - 10_100).toBeLessThanOrEqual(2_000);
    expect(told[2]! - 200_000).toBeLessThanOrEqual(6_000);
  });

  test("sends a comment every 15 seconds, ends by itself, and says when to come back", async () => {
    const parts = await world({ lifetime: 2 * MINUTE }).run();
    const beats = parts.filter(({ text }) => text === ":\n\n").map(({ at }) => at);
    const gaps = [0, ...beats, parts.at(-1)!.at].map((at, n, all) => at - (all[n - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(18_000);
    expect(parts.at(-1)).toEqual({ at: expect.any(Number), text: expect.stringMatching(/^retry: \d+\n\n$/) });
    expect(parts.at(-1)!.at).toBeGreaterThanOrEqual(2 * MINUTE);
    expect(parts.at(-1)!.at).toBeLessThanOrEqual(2 * MINUTE + 5_000);
  });

  test("asks at most once a second, whoever it asks, and less when nothing happens", async () => {
    const quiet = world();
    await quiet.run();
    const perMinute = (asked: typeof quiet.asked, from: number) =>
      asked.filter(({ at }) => at >= from && at < from + MINUTE).length;
    expect(perMinute(quiet.asked, 0)).toBeLessThanOrEqual(60);
    expect(perMinute(quiet.asked, 3 * MINUTE)).toBeLessThanOrEqual(40);

    const busy = world();
    for (let time = 100; time < 5 * MINUTE; time += 100)
      busy.when(time, () => {
        busy.state.head += 1;
      });
    await busy.run();
    for (let from = 0; from < 5 * MINUTE; from += MINUTE) expect(perMinute(busy.asked, from)).toBeLessThanOrEqual(62);
  });

  test("never asks more than the platform lets one request ask", async () => {
    const endless = world({ batch: 1, lifetime: 1_000 * MINUTE, head: 1 });
    endless.state.head = 1_000_000;
    const parts = await endless.run({ items: [], next: position(1), head: position(1_000_000), source: "test" });
    expect(endless.asked.length).toBeLessThan(2_500);
    expect(parts.at(-1)?.text).toMatch(/^retry/);
    expect(idsIn(parts).at(-1), "and what it told is told in order").toBe(idsIn(parts).length + 1);
  });

  test("reads on at the client's own pace while there is more, without waiting", async () => {
    const backlog = world({ batch: 10 });
    backlog.state.head = 95;
    const parts = await backlog.run({ items: [], next: position(0), head: position(95), source: "test" });
    expect(idsIn(parts)).toEqual(Array.from({ length: 95 }, (_, n) => n + 1));
    expect(parts.find(({ text }) => text.includes("id: 95\n"))?.at).toBe(0);
  });

  test("asks again when a reader is behind the digest", async () => {
    const { run, when, state } = world({ head: 1 });
    state.replayed = 1;
    when(1_500, () => {
      state.head = 2;
    });
    when(9_000, () => {
      state.replayed = 2;
    });
    const parts = await run();
    expect(idsIn(parts)).toEqual([2]);
    expect(parts.find(({ text }) => text.startsWith("event"))!.at).toBeLessThanOrEqual(12_000);
  });

  test.each([
    ["silent", 16_000],
    ["away", 6_500],
  ] as const)("asks the log itself when the digest is %s", async (digest, within) => {
    const { run, when, state } = world({ head: 1 });
    state.digest = digest;
    when(30_000, () => {
      state.head = 2;
    });
    const parts = await run();
    expect(idsIn(parts)).toEqual([2]);
    expect(parts.find(({ text }) => text.startsWith("event"))!.at - 30_000).toBeLessThanOrEqual(within + 3_000);
  });

  test("stands by while the database is away", async () => {
    const { run, when, state } = world({ head: 1 });
    when(2_000, () => {
      state.refused = AWAY;
      state.head = 2;
    });
    when(40_000, () => {
      state.refused = undefined;
    });
    const parts = await run();
    expect(idsIn(parts)).toEqual([2]);
    expect(parts.at(-1)?.text).toMatch(/^retry/);
  });

  test.each([
    fault("unauthenticated", "credentials-invalid", "Revoked"),
    fault("unauthenticated", "credentials-required", "Private now"),
    fault("missing", "space-missing", "Deleted"),
    fault("gone", "history-restored", "Another life"),
  ])("ends within five seconds when it may not go on: $code", async (why) => {
    // Wherever between two questions to the log it happens, and whether the digest hears of it or not.
    for (const moves of [true, false]) {
      for (let time = 61_000; time < 77_000; time += 1_700) {
        const { run, when, state } = world({ head: 1 });
        when(time, () => {
          state.refused = why;
          if (moves) state.head = 2;
        });
        const parts = await run();
        expect(state.now - time).toBeLessThanOrEqual(5_000);
        expect(idsIn(parts)).toEqual([]);
      }
    }
  });

  test("asks nobody any more when the client has left", async () => {
    const { run, when, state, asked } = world();
    when(10_000, () => {
      state.left = true;
    });
    await run();
    expect(Math.max(...asked.map(({ at }) => at))).toBeLessThanOrEqual(10_000);
  });
});

describe("Accept", () => {
  test.each([
    [null, false],
    ["*/*", false],
    ["application/json", false],
    ["text/event-stream", true],
    ["Text/Event-Stream; charset=utf-8", true],
    ["application/json, text/event-stream", true],
    ["text/event-stream;q=0.5, application/json", false],
    ["text/event-stream;q=0.9, application/json;q=0.2", true],
    ["text/event-stream;q=0", false],
    ["text/event-stream, */*;q=0.1", true],
    ["text/html, */*", false],
    ["text/event-stream;q=x", false],
    ["", false],
  ])("%s", (accept, expected) => {
    expect(prefersEvents(accept)).toBe(expected);
  });
});
