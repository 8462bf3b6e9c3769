// Which tests run on what: nothing, or a local stack that is a worker's own, one file after the other.
import { defineConfig } from "vitest/config";

/** Most of what these tests do is wait: two processors are busy for four fifths of the time. */
const STACKS = 3;

export default defineConfig({
  test: {
    teardownTimeout: 30_000,
    projects: [
      // Properties take their time on a busy machine: bounds are generous, and nothing asserts how long anything took.
      { test: { name: "architecture", include: ["test/architecture.test.ts"], testTimeout: 120_000 } },
      // A process loads modules once for all of its files, which took half of the time: no file leaves anything behind in them.
      { test: { name: "domain", isolate: false, include: ["test/domain/**/*.test.ts"], testTimeout: 120_000 } },
      {
        test: {
          name: "stack",
          isolate: false,
          include: ["test/{contract,http,promises}/**/*.test.ts"],
          globalSetup: ["test/support/stack.ts"],
          setupFiles: ["test/support/well.ts"],
          // Faults and counters are the stack's, not a file's.
          maxWorkers: STACKS,
          sequence: { groupOrder: 1 },
          testTimeout: 30_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 15_000, interval: 25 } },
        },
      },
    ],
  },
});
