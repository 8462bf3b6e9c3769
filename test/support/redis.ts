// What is really in the stack's Redis, past the Worker.
import { until } from "./client.ts";
import { stackHere } from "./here.ts";

export async function redis(...command: readonly (string | number)[]): Promise<unknown> {
  const { url, token } = stackHere().redis;
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(command),
  });
  const answer = (await response.json()) as { result?: unknown; error?: string };
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.result;
}

/** Head of a space's digest; undefined when there is none. */
export async function digestHead(uid: number): Promise<number | undefined> {
  const score = await redis("ZSCORE", `digest:${uid}.1`, "!head");
  return score === null ? undefined : Number(score);
}

export async function digestReaches(uid: number, position: number): Promise<void> {
  await until(
    `the digest of space ${uid} reaches ${position}`,
    async () => ((await digestHead(uid)) ?? -1) >= position,
  );
}

/** Names of what changed at a position. */
export async function changedAt(uid: number, position: number): Promise<string[]> {
  return ((await redis("ZRANGEBYSCORE", `digest:${uid}.1`, position, position)) as string[]).filter(
    (name) => !name.startsWith("!"),
  );
}

/** When the space was last marked as one that may be behind. */
export async function dirtyMark(uid: number, residency = "us"): Promise<number | undefined> {
  const score = await redis("ZSCORE", "dirty", `${uid}.1.${residency}`);
  return score === null ? undefined : Number(score);
}

/** The Worker's cron, as if it were `at`. */
export async function ringCron(at = new Date()): Promise<void> {
  const answer = await fetch(
    `${stackHere().events}/cdn-cgi/local/scheduled?cron=${encodeURIComponent("* * * * *")}&time=${at.getTime()}`,
  );
  if (!answer.ok) throw new Error(`The cron handler failed: ${answer.status} ${await answer.text()}`);
}

/** The next one: then the sweep looks at every space that was written to, not only at those that are marked as dirty. */
export const fullHour = (): Date => new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000);

/** A digest knows only what comes after its making, and while Redis is away none is made. */
export async function digestIsThere(uid: number): Promise<void> {
  await until(`there is a digest of space ${uid}`, async () => {
    await ringCron(fullHour());
    return (await digestHead(uid)) !== undefined;
  });
}
