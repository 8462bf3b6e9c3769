// Takes a large body in as it comes, bounded in bytes and in time, and hands it on: nothing of it is held here.
import type { Intake, Upload } from "../../contexts/transfer/transfer.ts";
import type { Clock } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import { type Result, refuse } from "../../kernel/result.ts";
import { attempt } from "../../platform/resilience/attempt.ts";

/** Without a single byte. */
const IDLE_MS = 20_000;
/** A client that is slower is holding the connection; time that storing takes is not the client's. */
const SLOWEST_BYTES_S = 16 * 1024;
const GRACE_MS = 30_000;

const TOO_SLOW = fault("malformed", "request-timeout", "The body did not arrive, or arrived too slowly");

/** Refuses with `request-timeout` and what the intake refuses with; then nothing of it is left. Throws when the store is away. */
export async function receiveUpload(request: Request, intake: Intake, clock: Clock): Promise<Result<Upload>> {
  const took = await attempt(() => pour(request, intake, clock));
  if (took.ok && took.value === undefined) {
    const ended = await attempt(() => intake.end());
    if (ended.ok) return { ok: true, value: ended.value };
    await attempt(() => intake.discard());
    throw ended.error;
  }
  await attempt(() => intake.discard());
  if (!took.ok) throw took.error;
  return refuse(took.value ?? TOO_SLOW);
}

/** Why it was broken off. */
async function pour(request: Request, intake: Intake, clock: Clock): Promise<typeof TOO_SLOW | undefined> {
  if (request.body === null) return undefined;
  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let received = 0;
  let waited = 0;
  for (;;) {
    const began = clock.now();
    const part = await withinIdle(reader.read());
    waited += clock.now() - began;
    if (part === "late" || waited > GRACE_MS + (received / SLOWEST_BYTES_S) * 1_000) {
      await reader.cancel();
      return TOO_SLOW;
    }
    if (part.done) return undefined;
    received += part.value.byteLength;
    const added = await intake.add(part.value);
    if (added.ok) continue;
    await reader.cancel();
    return added.fault;
  }
}

async function withinIdle<T>(work: Promise<T>): Promise<T | "late"> {
  let timer = 0 as unknown as ReturnType<typeof setTimeout>;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), IDLE_MS);
  });
  const first = await Promise.race([work, late]);
  clearTimeout(timer);
  return first;
}
