// The change digest's sorted sets in Redis.
import { type Position, position } from "../../kernel/position.ts";
import { type DigestStore, HEAD } from "../../platform/freshness/digest.ts";
import type { Redis } from "./redis.ts";
import { ADVANCE } from "./scripts.ts";

export function digestStore(redis: Redis): DigestStore {
  return {
    async advance(key, { from, to, members, birth, limit }) {
      const args = [from, to, limit, birth, ...members.flatMap(([name, at]) => [at, name])];
      return position(Number(await redis.script(ADVANCE, [key], args.map(String))));
    },
    async heads(keys) {
      const scores = await redis.pipeline((pipeline) => {
        for (const key of keys) pipeline.zscore(key, HEAD);
      });
      return scores.map(positionOf);
    },
    async above(key, since, spent) {
      const [flat, ...counted] = await redis.pipeline((pipeline) => {
        pipeline.zrange(key, `(${since}`, "+inf", { byScore: true, withScores: true });
        for (const { counter, spent: by, keep } of spent?.reports ?? [])
          pipeline.incrby(counter, by).expire(counter, keep);
      });
      spent?.heard(counted.filter((_, at) => at % 2 === 0).map(Number));
      return pairs(flat as readonly (string | number)[]);
    },
    async drop(key) {
      await redis.pipeline((pipeline) => {
        pipeline.del(key);
      });
    },
  };
}

/** A score as the protocol gives it: text, a number, or nothing. */
export function positionOf(score: unknown): Position | undefined {
  return score === null || score === undefined ? undefined : position(Number(score));
}

/** `WITHSCORES` replies: member, score, member, score … */
export function pairs(flat: readonly (string | number)[]): readonly (readonly [string, number])[] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [String(flat[2 * at]), Number(flat[2 * at + 1])] as const);
}
