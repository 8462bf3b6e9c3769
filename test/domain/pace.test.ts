// How large an import's commits are.
import { expect, test } from "vitest";
import { openPace } from "../../src/contexts/transfer/pace.ts";
import { instant, millis } from "../../src/kernel/clock.ts";
import { position } from "../../src/kernel/position.ts";

test("commits that take long are followed by smaller ones, and by larger ones when they are quick again", () => {
  const pace = openPace({ now: () => instant(0) }, () => false, undefined);
  const afterOne = (took: number): number => {
    pace.committed(position(1), millis(took));
    return pace.most();
  };
  expect([400, 400, 400, 400, 150, 20, 20, 20].map(afterOne)).toEqual([25, 20, 20, 20, 20, 40, 50, 50]);
});

test("while others write they are small, with pauses of five times their time, until five seconds have passed without", () => {
  let now = 0;
  const pace = openPace({ now: () => instant(now) }, () => false, position(7));
  pace.met(position(7));
  expect([pace.most(), pace.committed(position(9), millis(50))]).toEqual([50, 0]);
  // Two positions more than our own commit.
  pace.met(position(11));
  expect([pace.most(), pace.committed(position(12), millis(50))]).toEqual([5, 250]);
  now = 4_999;
  pace.met(position(12));
  expect([pace.most(), pace.committed(position(13), millis(50))]).toEqual([5, 250]);
  now = 5_000;
  expect([pace.most(), pace.committed(position(14), millis(50))]).toEqual([50, 0]);
});

test("while much else is under way here each commit is followed by a pause, which the longer one contains", () => {
  let isBusy = true;
  const pace = openPace({ now: () => instant(0) }, () => isBusy, position(1));
  expect(pace.committed(position(2), millis(50))).toBe(100);
  pace.met(position(3));
  expect([10, 50].map((took) => pace.committed(position(4), millis(took)))).toEqual([100, 250]);
  isBusy = false;
  expect(pace.committed(position(5), millis(10))).toBe(50);
});

test("what was too much is not tried again at that size", () => {
  const pace = openPace({ now: () => instant(0) }, () => false, undefined);
  expect(pace.slower()).toBe(true);
  for (let i = 0; i < 9; i += 1) pace.committed(position(1), millis(1));
  expect(pace.most()).toBe(12);
});
