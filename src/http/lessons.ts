// What an isolate remembers is either proved by the snapshot that answers or, before a refusal is given on its strength, read again.
import type { Result } from "../kernel/result.ts";
import type { Freshness } from "./knowledge.ts";

/** How often a request learns anew what its space looks like before it gives up. */
const LESSONS = 8;

/** Settled: what follows does not rest on memory alone. */
export interface Proof {
  settled: boolean;
}

/** Decides with what is remembered, and with what the primary knows when that turns out to be old or was all that a refusal rested on. */
export async function learning<T>(
  decide: (freshness: Freshness, proof: Proof) => Promise<Result<T>>,
): Promise<Result<T>> {
  let freshness: Freshness = "cached";
  for (let lesson = 0; ; lesson += 1) {
    const proof = { settled: freshness === "fresh" };
    const result = await decide(freshness, proof);
    if (result.ok || lesson === LESSONS) return result;
    const outdated = result.fault.code === "knowledge-outdated";
    const unproven = !proof.settled && result.fault.kind !== "unavailable";
    if (!outdated && !unproven) return result;
    freshness = "fresh";
  }
}
