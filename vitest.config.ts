// Which tests run on what: nothing, or one local stack that all files of a run share, one file after the other.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    teardownTimeout: 30_000,
    projects: [
      // Properties take their time on a busy machine: bounds are generous, and nothing asserts how long anything took.
      { test: { name: "architecture", include: ["test/architecture.test.ts"], testTimeout: 120_000 } },
      { test: { name: "domain", include: ["test/domain/**/*.test.ts"], testTimeout: 120_000 } },
      {
        test: {
          name: "stack",
          include: ["test/{contract,http,promises}/**/*.test.ts"],
          globalSetup: ["test/support/stack.ts"],
          // Faults and counters are the stack's, not a file's.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 15_000, interval: 25 } },
        },
      },
    ],
  },
});
