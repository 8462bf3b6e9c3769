// Which tests run on what: nothing, or a local stack that is a worker's own, one file after the other.
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Most of what these tests do is wait: two processors are busy for four fifths of the time. */
const STACKS = 3;

/** Short to read and long to run. What begins last should be over soon, or the other stacks have nothing to do meanwhile. */
const LONG = ["fault-run", "rebuild", "following", "long-logs", "webhook-receivers", "new-indexes", "large-changes"];

/** Without a run to remember, files go by their size: the largest first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      LONG.some((name) => moduleId.endsWith(`promises/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
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
