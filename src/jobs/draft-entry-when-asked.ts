// A turn at a generation waits for its provider within its message: behind it, it would not live long enough. The queue is its own, so that a provider
// that hangs keeps nobody but other generations waiting.
import type { Result } from "../kernel/result.ts";
import type { JobAsked, ReactionTools } from "./reaction.ts";
import { takeTurn } from "./run-job-when-asked.ts";

export async function draftEntryWhenAsked({ jobs }: ReactionTools, asked: JobAsked): Promise<Result<undefined>> {
  return await takeTurn(jobs, asked, (turn) => turn);
}
