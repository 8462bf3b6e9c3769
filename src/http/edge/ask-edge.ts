// Content reads go through the edge. Who asks and what the space allows was remembered; here the digest says whether it still holds.
import { seconds } from "../../kernel/clock.ts";
import { type Result, refuse } from "../../kernel/result.ts";
import { limitOf } from "../../platform/admission/plans.ts";
import { ANONYMOUS } from "../../platform/admission/read-budgets.ts";
import { KNOWLEDGE_OUTDATED } from "../../platform/database/open-database.ts";
import type { Served } from "../../platform/edge-cache/edge.ts";
import { ON_KEYS, ON_SETTINGS, staleSince } from "../../platform/freshness/view.ts";
import type { Call, Country, Services } from "../call.ts";
import type { Freshness, Knowledge } from "../knowledge.ts";
import type { Proof } from "../lessons.ts";
import type { Identity } from "../middleware/identify.ts";
import type { Intake } from "../space-door.ts";
import { questionOf } from "./question.ts";

export interface Entered {
  readonly space: Knowledge;
  readonly identity: Identity;
  readonly asked: Intake;
  readonly freshness: Freshness;
  readonly proof: Proof;
}

/** Milliseconds. While the digest is away nobody says that a space's settings have changed: they are read again. */
const PROFILE_LIFE = 4_000;
/** While its primary is away as well, what is known goes on for an hour. */
const PROFILE_LAST_RESORT = 3_600_000;

/** `undefined`: this answer is not one that is kept. */
export async function askEdge(call: Call, services: Services, entered: Entered): Promise<Result<Served> | undefined> {
  const { space, identity, asked, freshness, proof } = entered;
  const { kept } = call.route;
  const posed = questionOf({
    route: call.route,
    space: space.space,
    publicRead: space.settings.publicRead,
    defaultLocale: space.settings.defaultLocale,
    params: asked.params as Readonly<Record<string, string>>,
    query: call.query,
    prefer: asked.prefer,
  });
  if (posed === undefined || kept.kind !== "fresh" || !mayKeepHere(space, call.country)) return undefined;
  const memo = services.freshness.memo(space.space);
  const live = await services.freshness.current(memo, call.defer, asked.atLeast);
  if (freshness === "cached") {
    const { view, unheard } = memo;
    const outdated =
      view !== undefined &&
      (staleSince(view, space.position, ON_SETTINGS) !== undefined ||
        (identity.position !== undefined && staleSince(view, identity.position, ON_KEYS) !== undefined));
    const isBeforeOurs = unheard !== undefined && space.position < unheard;
    if (outdated || isBeforeOurs || !(live || (await isProfileGood(call, services, space))))
      return refuse(KNOWLEDGE_OUTDATED);
  }
  // Whatever the edge refuses, it has asked Postgres about with knowledge of its own.
  proof.settled = true;
  const served = await services.edge.read({
    question: posed,
    key: posed.key,
    memo,
    policy: { fresh: seconds(kept.fresh), stale: seconds(kept.stale) },
    atLeast: asked.atLeast,
    place: call.place,
    defer: call.defer,
  });
  if (!served.ok) return served;
  call.event.source = served.value.from;
  const { actor } = identity;
  const credential = actor.type === "key" ? actor.id : ANONYMOUS;
  const limit = limitOf(space.settings, "read");
  const account = () => services.admission.reads.account(space.space, credential, limit);
  const { space: ref, position: settingsAt } = space;
  services.hot.learn(call, { key: posed.key, memo, space: ref, settingsAt, limit, identity, account });
  return served;
}

/**
 * By the client's country, because nobody tells where the data centre is: a residency is `eu` or a country (ISO 3166-1). What is neither is
 * outside of everywhere.
 */
function mayKeepHere({ settings, space: { residency } }: Knowledge, { code, isInEU }: Country): boolean {
  if (settings.edgeOutsideResidency !== false) return true;
  return residency === "eu" ? isInEU : residency === code?.toLowerCase();
}

/** Time-to-live mode. What cannot be read again is believed for an hour. */
async function isProfileGood(call: Call, { clock, knowledge }: Services, space: Knowledge): Promise<boolean> {
  const age = clock.now() - space.readAt;
  if (age < PROFILE_LIFE) return true;
  const again = await knowledge.find(space.space.id, call.place, "fresh");
  if (!again.ok) return age < PROFILE_LAST_RESORT;
  return again.value?.alive === true && again.value.known.settings === space.known.settings;
}
