// What an answer that goes on for minutes works with. Whoever asks is let in anew before every read: keys are revoked and spaces closed
// while it runs, and what was known of the space when it began may no longer hold.
import { fault } from "../kernel/fault.ts";
import type { Position } from "../kernel/position.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { SpaceRef } from "../kernel/scope.ts";
import type { Reader } from "../platform/database/database.ts";
import type { Call, Services } from "./call.ts";
import type { Freshness, Knowledge } from "./knowledge.ts";
import type { Identity } from "./middleware/identify.ts";
import type { ReadOperation } from "./operation.ts";

export interface Live {
  /** As sent. */
  readonly accept: string | null;
  readonly lastEventId: string | null;
  /** Refuses as the door would refuse a new request: 401, 404, 403; 410 `history-restored` when the space began another life. */
  readonly reader: Reader;
  /** The same without reading the space: nothing is asked of anybody when it was lately. */
  admit(): Promise<Result<undefined>>;
  /** The space's position as the digest knows it; `undefined`: nothing is known. */
  head(): Promise<Position | undefined>;
}

export type Enter = (identity: Identity, knowledge: Knowledge | undefined) => Result<Knowledge>;

/** How often what is known is learnt anew for one read. */
const LESSONS = 4;

export function liveOf(
  call: Call,
  services: Services,
  enter: Enter,
  space: SpaceRef,
  from: ReadOperation["from"],
): Live {
  async function entered(freshness: Freshness): Promise<Result<{ identity: Identity; knowledge: Knowledge }>> {
    const identity = await services.credentials.identify(call.request, call.place, freshness);
    if (!identity.ok) return identity;
    const found = await services.knowledge.find(space.id, call.place, freshness);
    if (!found.ok) return found;
    const inside = enter(identity.value, found.value);
    if (!inside.ok) return inside;
    const { uid, epoch } = inside.value.space;
    if (uid !== space.uid || epoch !== space.epoch) return refuse(RESTORED);
    return ok({ identity: identity.value, knowledge: inside.value });
  }

  /** A refusal that rests on memory alone is decided once more on what the primary knows. */
  async function insist<T>(ask: (freshness: Freshness) => Promise<Result<T>>): Promise<Result<T>> {
    let result = await ask("cached");
    for (let lesson = 0; !result.ok && result.fault.kind !== "unavailable" && lesson < LESSONS; lesson += 1) {
      if (lesson > 0 && result.fault.code !== "knowledge-outdated") break;
      result = await ask("fresh");
    }
    return result;
  }

  return {
    accept: call.request.headers.get("accept"),
    lastEventId: call.request.headers.get("last-event-id"),
    reader: {
      space,
      read: (statements, pinned, answer) =>
        insist(async (freshness) => {
          const inside = await entered(freshness);
          if (!inside.ok) return inside;
          const { identity, knowledge } = inside.value;
          const known = {
            settings: knowledge.known.settings,
            schema: knowledge.known.schema,
            keys: identity.keysAt,
          };
          const binding = { space, from, place: call.place, known, caller: "request" } as const;
          return await services.database.reader(binding).read(statements, pinned, answer);
        }),
    },
    async admit() {
      const inside = await insist(entered);
      return inside.ok ? ok(undefined) : inside;
    },
    async head() {
      const memo = services.freshness.memo(space);
      return (await services.freshness.current(memo, call.defer)) ? memo.view?.head : undefined;
    },
  };
}

const RESTORED = fault(
  "gone",
  "history-restored",
  "The space was restored while this was answered; its positions mean nothing any more",
);
