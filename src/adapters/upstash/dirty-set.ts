// The set of spaces that somebody is writing to, or was a moment ago: one sorted set, score = mark.
import { spaceUid } from "../../kernel/id.ts";
import { digestKey, HEAD } from "../../platform/freshness/digest.ts";
import type { DirtySet, SpaceAddress } from "../../platform/relay/dirty-set.ts";
import { pairs, positionOf } from "./digest-store.ts";
import type { Pipeline, Redis } from "./redis.ts";
import { LOWER, REMOVE_UNCHANGED } from "./scripts.ts";

const KEY = "dirty";

export function dirtySet(redis: Redis): DirtySet {
  return {
    async mark(space, mark, limit) {
      const [, head] = await redis.pipeline((pipeline) => markIn(pipeline, space, mark), limit);
      return positionOf(head);
    },
    async remark(marks) {
      if (marks.length === 0) return;
      await redis.pipeline((pipeline) => {
        for (const { space, mark } of marks) pipeline.zadd(KEY, { score: mark, member: memberOf(space) });
      });
    },
    async remind(marks) {
      if (marks.length === 0) return;
      const args = marks.flatMap(({ space, mark }) => [String(mark), memberOf(space)]);
      await redis.script(LOWER, [KEY], args);
    },
    async oldest(most, upTo) {
      const highest = upTo ?? "+inf";
      const [flat] = await redis.pipeline((pipeline) => {
        pipeline.zrange(KEY, "-inf", highest, { byScore: true, offset: 0, count: most, withScores: true });
      });
      return pairs(flat as readonly (string | number)[]).map(([member, mark]) => ({ space: spaceOf(member), mark }));
    },
    async remove(marks) {
      if (marks.length === 0) return;
      await redis.script(
        REMOVE_UNCHANGED,
        [KEY],
        marks.flatMap(({ space, mark }) => [String(mark), memberOf(space)]),
      );
    },
  };
}

/** Two commands: the mark, and the head of the space's digest. */
export function markIn(pipeline: Pipeline, space: SpaceAddress, mark: number): void {
  pipeline.zadd(KEY, { score: mark, member: memberOf(space) });
  pipeline.zscore(digestKey(space), HEAD);
}

function memberOf({ uid, epoch, residency }: SpaceAddress): string {
  return `${uid}.${epoch}.${residency}`;
}

function spaceOf(member: string): SpaceAddress {
  const [uid, epoch, ...residency] = member.split(".");
  return { uid: spaceUid(Number(uid)), epoch: Number(epoch), residency: residency.join(".") };
}
