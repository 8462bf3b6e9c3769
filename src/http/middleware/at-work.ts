// What needs a database is counted among what is under way here, and refused when there is too much of it for what it is worth.
import { type Result, refuse } from "../../kernel/result.ts";
import type { Load, Value } from "../../platform/admission/load.ts";
import type { SpaceLife } from "../../platform/freshness/digest.ts";
import { OVERLOADED } from "./admit.ts";

export async function atWork<T>(
  load: Load,
  space: SpaceLife,
  value: Value,
  work: () => Promise<Result<T>>,
): Promise<Result<T>> {
  const lease = load.enter(space, value);
  if (lease === undefined) return refuse(OVERLOADED);
  try {
    return await work();
  } finally {
    load.leave(lease);
  }
}
