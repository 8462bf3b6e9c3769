// Dead letters as operators get them.
import * as z from "zod";
import type { JsonObject } from "../../kernel/json.ts";
import type { DeadLetter } from "../../platform/relay/dead-letters.ts";
import { jsonValue } from "../input.ts";

export const letterParams = z.object({
  id: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .meta({ description: "Id of the dead letter." }),
});

export const letterSchema = z
  .object({
    id: z.string(),
    space: z.int().min(1).nullable().meta({ description: "Number of the space; null when none can be told." }),
    queue: z.string(),
    at: z.iso.datetime(),
    reason: z.string(),
    attempts: z.int().min(0),
    message: jsonValue.nullable().meta({ description: "The message, which holds ids only; null for an event." }),
    subscriber: z.string().nullable().meta({ description: "Who could not take in the event at `position`." }),
    position: z.int().min(1).nullable(),
    stopped: z
      .boolean()
      .meta({ description: "Its subscriber passes no event of the space until this is redriven or deleted." }),
    redriven: z.boolean().meta({ description: "It is on its way to its subscriber once more." }),
  })
  .meta({ id: "DeadLetter" });

export const letterListSchema = z.object({
  data: z.array(letterSchema),
  page: z.object({
    next: z.string().nullable(),
    size: z.int().min(0),
    total: z.int().min(0).meta({ description: "Of all of them; it stops counting at 10,000 a shard." }),
  }),
});

export function letterView(letter: DeadLetter): JsonObject {
  const { id, space, queue, at, reason, attempts, body, subscriber, position, isStopping, isRedriven } = letter;
  return {
    id,
    space,
    queue,
    // The list's order needs microseconds; clients are told milliseconds.
    at: `${at.slice(0, 23)}Z`,
    reason,
    attempts,
    message: body === null ? null : JSON.parse(body),
    subscriber,
    position,
    stopped: isStopping,
    redriven: isRedriven,
  };
}
