// Load, decide, commit; and once more when somebody else was faster.

import { seconds } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import { type Result, refuse } from "../../kernel/result.ts";
import type { Written } from "./writer.ts";

/** Attempts after the first. */
const RETRIES = 3;
const RACES: ReadonlySet<string> = new Set(["version-conflict", "type-entries-changed"]);

/**
 * Runs `attempt` (load, decide, commit) until it does not lose a race: at most three times more, then `conflict`.
 * With `If-Match` the caller's own check of the loaded state answers 412 on the repeated load, so the same loop serves both.
 */
export async function handle(attempt: () => Promise<Result<Written>>): Promise<Result<Written>> {
  for (let left = RETRIES; ; left -= 1) {
    const result = await attempt();
    if (result.ok || !RACES.has(result.fault.code)) return result;
    if (left === 0) {
      return refuse(
        fault("conflict", "conflict", "Cannot write: others kept changing the same resource; read it again and retry", {
          retryAfter: seconds(1),
        }),
      );
    }
  }
}
