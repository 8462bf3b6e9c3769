// What a miss costs: one question asked of the nearest Postgres that is fresh enough, and its answer made ready to be kept. Runs wherever
// the miss is: in the isolate that was asked, or in the shield for a whole region.
import { type Read as ReadTag, readsOfNothing, type Signer } from "../../contexts/delivery/delivery.ts";
import type { Clock } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import { ORIGIN, type Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Admission } from "../../platform/admission/admission.ts";
import type { Reader } from "../../platform/database/database.ts";
import { DATABASE_UNAVAILABLE, type Database } from "../../platform/database/open-database.ts";
import type { Kept } from "../../platform/edge-cache/kept.ts";
import type { Origin, Want } from "../../platform/edge-cache/tiers.ts";
import type { Digest } from "../../platform/freshness/digest.ts";
import type { Dependencies } from "../../platform/freshness/view.ts";
import type { QuickHash } from "../entity-tag.ts";
import type { Freshness, Knowledge, KnowledgeCache } from "../knowledge.ts";
import { learning, type Proof } from "../lessons.ts";
import type { Live } from "../live.ts";
import { atWork } from "../middleware/at-work.ts";
import type { Asked, ReadAnswer, ReadData, ReadOperation } from "../operation.ts";
import { renderRead } from "../rendered-read.ts";
import type { Route } from "../route.ts";
import { worthOf } from "../worth.ts";
import type { Keyed, Question } from "./question.ts";

export interface OriginParts {
  readonly database: Database;
  readonly knowledge: KnowledgeCache;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly digest: Pick<Digest, "members">;
  readonly admission: Pick<Admission, "load">;
  readonly quickHash: QuickHash;
  /** In [0, 1). */
  random(): number;
}

type Asking = Asked<never, unknown, undefined>;

const NOT_LIVE = undefined as unknown as Live;
const GONE = fault("missing", "space-missing", "The space is not there any more");

export function openOrigin(routes: readonly Route[], parts: OriginParts): Origin<Keyed> {
  const known = new Map(routes.map((route) => [route.operation.id, route]));

  return async ({ question, key }, want) => {
    const route = known.get(question.operation) as Route;
    const operation = route.operation as ReadOperation;
    return await atWork(parts.admission.load, question.space, worthOf(route), () =>
      learning(parts, async (freshness, proof) => {
        const found = await find(question, want, freshness);
        if (!found.ok) return found;
        const answered = await answer(operation, question, found.value, want, proof);
        if (!answered.ok) return answered;
        const { position, source, reads, ...given } = answered.value;
        const base = { key, position, source, filledAt: parts.clock.now() };
        const dependencies = dependenciesOf(found.value, reads);
        if ("refusal" in given) {
          return ok<Kept>({ ...base, dependencies, body: new Uint8Array(), headers: {}, refusal: given.refusal });
        }
        const { body, headers, etag } = await renderRead(route, given.answer, found.value.settings, parts.quickHash);
        const { life } = given.answer;
        const aging = life === undefined ? {} : { life };
        const pinned = headers["Link"] === undefined ? {} : { pinned: true as const };
        return ok<Kept>({ ...base, ...pinned, ...aging, dependencies, body, headers: { ...headers, ETag: etag } });
      }),
    );
  };

  async function find({ space }: Question, want: Want, freshness: Freshness): Promise<Result<Knowledge>> {
    const found = await parts.knowledge.find(space.id, want.place, freshness);
    if (!found.ok) return found;
    const knowledge = found.value;
    const same = knowledge?.alive && knowledge.space.uid === space.uid && knowledge.space.epoch === space.epoch;
    return same ? ok(knowledge) : refuse(GONE);
  }

  type Given = { position: Position; source: string; reads: readonly ReadTag[] } & (
    | { readonly answer: ReadAnswer }
    | { readonly refusal: ReturnType<typeof fault> }
  );

  async function answer(
    operation: ReadOperation,
    { params, query, count }: Question,
    knowledge: Knowledge,
    want: Want,
    proof: Proof,
  ): Promise<Result<Given>> {
    const { space, settings, types, known: of } = knowledge;
    const read = (operation.query as { read(query: URLSearchParams): Result<unknown> }).read(
      new URLSearchParams(query),
    );
    if (!read.ok) {
      proof.settled = true;
      return read;
    }
    let from: { readonly position: Position; readonly source: string } | undefined;
    const bound = parts.database.reader({
      space,
      from: operation.from,
      place: want.place,
      known: { settings: of.settings, schema: of.schema },
      atLeast: want.reach === ORIGIN ? undefined : want.reach,
      caller: "request",
    });
    const reader: Reader = {
      space,
      async read(statements, pinned) {
        const snapshot = await bound.read(statements, pinned);
        if (snapshot.ok) {
          proof.settled = true;
          from = snapshot.value;
        }
        return snapshot;
      },
    };
    const scope: Scope<ReadData> = {
      space,
      // The asker's rights were looked at where it asked; the question holds nothing that goes beyond reading.
      actor: { type: "system", name: "edge" },
      requestId: "edge",
      clock: parts.clock,
      data: { settings, types, signer: parts.signer, reader },
    };
    const asked = { params, query: read.value, body: undefined, conditions: {}, prefer: count === "" ? {} : { count } };
    // What is kept is finished bytes: no such operation answers with a stream, or looks at what only a stream needs.
    const handled = (await operation.handle(scope, asked as unknown as Asking, NOT_LIVE)) as Result<ReadAnswer>;
    if (handled.ok) {
      const { position, source, reads = [] } = handled.value;
      return ok({ answer: handled.value, position, source, reads });
    }
    const { fault: refusal } = handled;
    // Nobody could tell what the space looks like at what is asked for: the primary is away.
    const isBehind = proof.settled && from === undefined && knowledge.position < want.reach;
    if (isBehind) return refuse(DATABASE_UNAVAILABLE);
    if (refusal.code !== "content-missing" || from === undefined) return handled;
    const { type = "", name = "" } = params;
    return ok({ refusal, position: from.position, source: from.source, reads: readsOfNothing(type, name) });
  }

  /** Every answer depends on the settings. What belongs to one type stands together, under the type. */
  function dependenciesOf({ space }: Knowledge, reads: readonly ReadTag[]): Dependencies {
    const types = [...new Set(reads.flatMap(({ type }) => type ?? []))];
    const names = parts.digest.members(space, [...reads.map(({ tag }) => tag), ...types.map((type) => `type:${type}`)]);
    const of = (type: string | undefined) => names.filter((_, at) => at < reads.length && reads[at]?.type === type);
    return [
      { members: ["settings", ...of(undefined)] },
      ...types.map((type, at) => ({ members: of(type), under: names[reads.length + at] as string })),
    ];
  }
}
