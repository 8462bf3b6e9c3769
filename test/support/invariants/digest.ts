// The digest against the log (invariant 8): it claims no position that the log does not have, and of what it claims to know nothing is missing.
import { tagHash } from "../../../src/adapters/noble-hashes/tag-hash.ts";
import { BIRTH, digestKey, FLOOR, HEAD, KEPT } from "../../../src/platform/freshness/digest.ts";
import type { LoggedEvent } from "./log.ts";
import type { RecordedSpace, Violation } from "./recording.ts";

/** A digest that is not there claims nothing. */
export async function digestAgainstLog(
  space: RecordedSpace,
  log: readonly LoggedEvent[],
  redis: (...command: readonly string[]) => Promise<unknown>,
  secret: string,
): Promise<readonly Violation[]> {
  const flat = (await redis("ZRANGE", digestKey(space as never), "0", "-1", "WITHSCORES")) as readonly string[];
  const members = new Map<string, number>();
  for (let at = 0; at < flat.length; at += 2) members.set(flat[at] ?? "", Number(flat[at + 1]));
  const [head, floor] = [members.get(HEAD), members.get(FLOOR)];
  if (head === undefined || floor === undefined) return [];
  const found: Violation[] = [];
  const say = (what: string) => found.push({ invariant: 8, space: space.id, what });
  const logHead = log.at(-1)?.position ?? 0;
  if (head > logHead) say(`the digest's head is ${head}, the log's ${logHead}`);

  const lastOf = new Map<string, number>();
  for (const { position, tags } of log) if (position <= head) for (const tag of tags) lastOf.set(tag, position);
  const tags = [...lastOf.keys()];
  const secretTags = tags.filter((tag) => !KEPT.has(tag));
  const hashed = tagHash(secret).hash(secretTags.map((tag) => `${space.uid}.${space.epoch}:${tag}`));
  const names = new Map(secretTags.map((tag, at) => [tag, hashed[at] as string]));
  const known = new Set([HEAD, FLOOR, BIRTH, ...names.values(), ...KEPT]);
  for (const tag of tags) {
    const wanted = lastOf.get(tag) as number;
    const score = members.get(names.get(tag) ?? tag);
    if (score === undefined && wanted > floor)
      say(
        `"${tag}" changed at ${wanted}, which is above the floor ${floor} and not above the head ${head}: the digest does not know it`,
      );
    else if (score !== undefined && score !== wanted)
      say(`"${tag}" last changed at ${wanted}; the digest says ${score}`);
  }
  for (const [name, score] of members)
    if (!known.has(name) && score > floor) say(`the digest knows a change at ${score} that the log has not`);
  return found;
}
