// What an isolate remembers is either proved by the snapshot that answers or, before it decides anything by itself, read again.
import type { Result } from "../kernel/result.ts";
import type { Freshness } from "./knowledge.ts";

/** How often a request learns anew what its space looks like before it gives up. */
const LESSONS = 12;
/** From the third lesson on it waits a while before, at random: many that were sent back together would only meet again. */
const LONGEST_PAUSE_MS = 250;

/** Settled: what is answered does not rest on memory alone, nor on what is known to have moved since. */
export interface Proof {
  settled: boolean;
}

export interface Learner<T> {
  /** In [0, 1). */
  random(): number;
  /** Answers that need proof as refusals do. */
  isDoubtful?(value: T): boolean;
}

/** Decides with what is remembered, and with what the primary knows when that turns out to be old or was all that a refusal rested on. */
export async function learning<T>(
  { random, isDoubtful = () => false }: Learner<T>,
  decide: (freshness: Freshness, proof: Proof) => Promise<Result<T>>,
): Promise<Result<T>> {
  let freshness: Freshness = "cached";
  for (let lesson = 0; ; lesson += 1) {
    const proof = { settled: freshness === "fresh" };
    const result = await decide(freshness, proof);
    const unproven = !proof.settled && (result.ok ? isDoubtful(result.value) : result.fault.kind !== "unavailable");
    const outdated = !result.ok && result.fault.code === "knowledge-outdated";
    if (lesson === LESSONS || !(outdated || unproven)) return result;
    freshness = "fresh";
    if (lesson >= 2) await pause(random() * Math.min(LONGEST_PAUSE_MS, 2 ** lesson * 10));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
