// The mark before a commit: set together with a charge when there was one a moment ago, else by itself. And the wall before strangers.
import { describe, expect, test } from "vitest";
import { rateLimitWalls } from "../../src/adapters/cloudflare/rate-limit-walls.ts";
import type { Call, Services } from "../../src/http/call.ts";
import { admitStranger } from "../../src/http/middleware/admit.ts";
import { type Clock, instant, millis } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { position } from "../../src/kernel/position.ts";
import { markAt } from "../../src/platform/relay/dirty-set.ts";
import { openRelay, type RelayParts } from "../../src/platform/relay/relay.ts";
import { guard } from "../../src/platform/resilience/guard.ts";

const NOW = instant(1_800_000_000_000);
const clock: Clock = { now: () => NOW };
const SPACE = { uid: spaceUid(7), epoch: 1, residency: "us" };

describe("the mark before a commit", () => {
  const open = () => {
    const marks: number[] = [];
    const dirty = {
      async mark(_: unknown, mark: number) {
        marks.push(mark);
        return position(12);
      },
    };
    const relay = openRelay({ dirty, clock, random: () => 0.5, report: () => undefined } as unknown as RelayParts);
    return { relay, marks };
  };

  test("is not set a second time when it came with the charge", async () => {
    const { relay, marks } = open();
    const before = { at: instant(NOW - 4_999), space: SPACE, seen: position(9) };
    expect(await relay.beforeCommit({ ...SPACE }, before)).toEqual({ seen: 9 });
    expect(await relay.beforeCommit(SPACE, { ...before, seen: undefined })).toEqual({ seen: undefined });
    expect(marks).toEqual([]);
    expect(relay.markingOf(SPACE)).toEqual({ space: SPACE, mark: markAt(NOW, 0.5) });
  });

  test.each([
    ["there was none", undefined],
    ["it is old: the body took its time, and the sweep may soon remove it", { at: instant(NOW - 5_000), space: SPACE }],
    ["it is another space's", { at: NOW, space: { ...SPACE, uid: spaceUid(8) } }],
    ["it is another life's", { at: NOW, space: { ...SPACE, epoch: 2 } }],
  ])("is set when %s", async (_, before) => {
    const { relay, marks } = open();
    expect(await relay.beforeCommit(SPACE, before && { ...before, seen: position(9) })).toEqual({ seen: 12 });
    expect(marks).toEqual([markAt(NOW, 0.5)]);
  });
});

describe("the wall", () => {
  const open = (limit: (options: { key: string }) => Promise<{ success: boolean }>) => {
    const options = { timeout: millis(50), breakAfter: 5, halfOpenAfter: millis(1_000), bulkhead: 10, clock };
    const binding = { limit };
    return rateLimitWalls({ WALL: binding, WRITE_WALL: binding, AUTH_WALL: binding }, guard("wall", options)).address;
  };

  test("says what the platform says, and yes when it says nothing", async () => {
    const asked: string[] = [];
    const wall = open(async ({ key }) => ({ success: asked.push(key) < 2 }));
    expect([await wall.admits("a"), await wall.admits("b"), asked]).toEqual([true, false, ["a", "b"]]);
    expect(await open(() => Promise.reject(new Error("away"))).admits("a")).toBe(true);
    expect(await open(() => new Promise(() => undefined)).admits("a")).toBe(true);
  });

  test("is asked once a request and address, and not where no platform tells the address", async () => {
    const asked: string[] = [];
    const admits = async (key: string): Promise<boolean> => asked.push(key) < 2;
    const services = { admission: { walls: { address: { admits } } } } as unknown as Services;
    const callFrom = (address?: string): Call => {
      const headers = address === undefined ? {} : { "cf-connecting-ip": address };
      return { request: new Request("https://x.example", { headers }) } as unknown as Call;
    };
    const first = callFrom("2001:db8:1:2::3");
    expect((await admitStranger(first, services)).ok).toBe(true);
    expect((await admitStranger(first, services)).ok).toBe(true);
    expect((await admitStranger(callFrom(), services)).ok).toBe(true);
    expect(await admitStranger(callFrom("203.0.113.1"), services)).toMatchObject({
      ok: false,
      fault: { kind: "limited", code: "rate-limited", retryAfter: 10 },
    });
    expect(asked).toEqual(["2001:db8:1:2", "203.0.113.1"]);
  });
});
