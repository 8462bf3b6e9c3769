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
  expect([400, 400, 400, 400, 150, 20, 20, 20].map(afterOne)).toEqual([50, 25, 20, 20, 20, 40, 80, 100]);
});

test("what was too much is not tried again at that size", () => {
  const pace = openPace({ now: () => instant(0) }, () => false, undefined);
  expect(pace.slower()).toBe(true);
  for (let i = 0; i < 9; i += 1) pace.committed(position(1), millis(1));
  expect(pace.most()).toBe(25);
});
