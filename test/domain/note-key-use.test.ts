// A key's use is noted at most hourly, and whether it could be noted is nobody's concern.
import { expect, test } from "vitest";
import { keyUses } from "../../src/http/middleware/note-key-use.ts";
import { instant } from "../../src/kernel/clock.ts";
import { type KeyId, spaceUid } from "../../src/kernel/id.ts";
import type { Database } from "../../src/platform/database/open-database.ts";

const space = { id: "atlas", uid: spaceUid(7), epoch: 1, residency: "us" };
const MINUTE = 60_000;

function scene(answer: () => Promise<boolean> = async () => true) {
  let now = 1_800_000_000_000;
  const behind: Promise<unknown>[] = [];
  let noted = 0;
  const note = (): Promise<boolean> => {
    noted += 1;
    return answer();
  };
  const database = { note } as unknown as Database;
  const uses = keyUses({ now: () => instant(now) });
  return {
    noted: () => noted,
    async use(afterMinutes: number, lastUsedAt: string | null = null, id = "k") {
      now += afterMinutes * MINUTE;
      uses.note(database, space, { id: id as KeyId, lastUsedAt }, (work) => behind.push(work));
      await Promise.all(behind);
      return noted;
    },
    ago: (minutes: number) => new Date(now - minutes * MINUTE).toISOString(),
  };
}

test("once an hour, each key for itself", async () => {
  const { use } = scene();
  expect(await use(0)).toBe(1);
  expect(await use(59)).toBe(1);
  expect(await use(0, null, "other")).toBe(2);
  expect(await use(2)).toBe(3);
});

test("what another isolate noted counts", async () => {
  const { use, ago } = scene();
  expect(await use(0, ago(30))).toBe(0);
  expect(await use(29, ago(30))).toBe(0);
  expect(await use(2, ago(61))).toBe(1);
});

test.each([
  ["was not done", async () => false],
  ["broke", () => Promise.reject(new Error("boom"))],
])("a note that %s is tried again a minute later, and fails nobody", async (_, answer) => {
  const { use } = scene(answer);
  expect(await use(0)).toBe(1);
  expect(await use(0.5)).toBe(1);
  expect(await use(1)).toBe(2);
});
