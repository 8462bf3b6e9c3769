// The arithmetic of the import's measurements: what of a profile was one slice of the thread.
import { describe, expect, it } from "vitest";
import { slicesOf } from "../../bench/import/slices.ts";
import type { CpuProfile } from "../../bench/profile/inspector.ts";

const NAMES = ["(root)", "(program)", "(idle)", "decide", "(garbage collector)", "send"];

/** Samples by name, each lasting so many microseconds. */
function profileOf(...samples: readonly (readonly [name: string, us: number])[]): CpuProfile {
  const nodes = NAMES.map((functionName, id) => ({ id, callFrame: { functionName, url: "", lineNumber: 0 } }));
  const ids = samples.map(([name]) => NAMES.indexOf(name));
  // V8 tells with each sample how long ago the one before it was taken.
  const timeDeltas = [0, ...samples.map(([, us]) => us)].slice(0, samples.length);
  return { nodes, startTime: 0, endTime: 0, samples: ids, timeDeltas };
}

describe("slices of the thread", () => {
  it("go on over functions and garbage collection, until the engine rests", () => {
    const slices = slicesOf(
      profileOf(
        ["decide", 400],
        ["(garbage collector)", 300],
        ["decide", 300],
        ["(idle)", 900],
        ["send", 200],
        ["send", 200],
        ["(root)", 200],
      ),
    );
    expect(slices).toEqual([
      { ms: 1, mostly: "decide" },
      { ms: 0.4, mostly: "send" },
    ]);
  });

  it("end where no sample was taken for long: nothing ran", () => {
    const slices = slicesOf(profileOf(["decide", 500], ["send", 60_000], ["decide", 300], ["(idle)", 0]));
    expect(slices.map(({ ms }) => ms)).toEqual([0.5, 0.3]);
  });

  it("leave out what is named", () => {
    const profile = profileOf(["decide", 200], ["(program)", 200], ["decide", 200], ["(idle)", 0]);
    expect(slicesOf(profile).map(({ ms }) => ms)).toEqual([0.6]);
    expect(slicesOf(profile, ["(program)"]).map(({ ms }) => ms)).toEqual([0.2, 0.2]);
  });
});
