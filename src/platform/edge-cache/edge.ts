// The path of a cached read: memory, colo, shield, Postgres; whatever a tier has is judged by the digest before it is given.
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import { ORIGIN, type Position, position } from "../../kernel/position.ts";
import { ok, type Result } from "../../kernel/result.ts";
import type { Place } from "../database/topology.ts";
import type { Freshness } from "../freshness/memo.ts";
import type { SpaceMemo } from "../freshness/space-memos.ts";
import { staleSince } from "../freshness/view.ts";
import { judge, type Knowing, type Verdict } from "./judge.ts";
import type { Kept, Policy } from "./kept.ts";
import type { Memory } from "./memory.ts";
import type { Colo, Origin, Shielded, ShieldTier, Want } from "./tiers.ts";

export interface EdgeAsk<Question> {
  readonly question: Question;
  readonly key: string;
  /** As current as it can be (`Freshness.current`): the door needs that for more than the answer. */
  readonly memo: SpaceMemo;
  readonly policy: Policy;
  readonly atLeast: Position | undefined;
  readonly place: Place | undefined;
  defer(work: Promise<unknown>): void;
}

export interface Served {
  readonly kept: Kept;
  /** `memory`, `colo`, `shield`, or on a miss the endpoint that was read. */
  readonly from: string;
  /** Absent on a hit. */
  readonly forwarded?: { readonly why: "uri-miss" | "stale"; readonly collapsed: boolean };
  readonly ttl: number;
  readonly position: Position;
  /** When it was read, or was last known to be unchanged. */
  readonly provenAt: Instant;
}

export interface Edge<Question> {
  read(ask: EdgeAsk<Question>): Promise<Result<Served>>;
}

export interface EdgeParts<Question> {
  readonly memory: Memory<Kept>;
  readonly colo: Colo;
  readonly shield: ShieldTier<Question>;
  readonly origin: Origin<Question>;
  readonly freshness: Freshness;
  readonly clock: Clock;
  sleep(time: Millis): Promise<void>;
}

/** A fill of this isolate that takes longer is not waited for: its request may have been cancelled. */
const LEASE_MS = 3_000;
/** How long others of this isolate wait for it before they ask themselves. */
const WAIT_MS = 2_000;
const MOST_LEASES = 10_000;
/** The shield is asked again when what it remembered turned out to be stale; then Postgres. */
const SHIELD_TRIES = 2;

export function openEdge<Question>(parts: EdgeParts<Question>): Edge<Question> {
  const { memory, colo, shield, origin, freshness, clock } = parts;
  const leases = new Map<string, Instant>();

  function verdictOf({ policy, atLeast }: EdgeAsk<Question>, memo: SpaceMemo, kept: Kept): Verdict {
    const now = clock.now();
    const knowing: Knowing = {
      view: memo.view,
      completeAt: freshness.completeAt(memo, now),
      live: freshness.isLive(memo, now),
      missedSince: ({ position: at, dependencies }) => freshness.missedSince(memo, at, dependencies),
    };
    return judge(kept, { knowing, policy, now, atLeast });
  }

  async function read(ask: EdgeAsk<Question>): Promise<Result<Served>> {
    const { memo } = ask;
    const near = lookAt(ask, memo, memory.get(ask.key), "memory");
    if (near?.served !== undefined) return ok(near.served);
    const found = await colo.find(ask.key);
    const far = lookAt(ask, memo, found, "colo");
    if (far?.served !== undefined) {
      memory.set(ask.key, far.kept);
      return ok(far.served);
    }
    const best = near === undefined || (far !== undefined && far.kept.position > near.kept.position) ? far : near;
    return await obtain(ask, memo, best);
  }

  interface Look {
    readonly kept: Kept;
    readonly verdict: Verdict;
    readonly served?: Served;
  }

  function lookAt(ask: EdgeAsk<Question>, memo: SpaceMemo, kept: Kept | undefined, from: string): Look | undefined {
    if (kept === undefined) return undefined;
    const verdict = verdictOf(ask, memo, kept);
    if (verdict.is === "stale") return { kept, verdict };
    if (verdict.is === "passable") refreshBehind(ask, memo, { kept, verdict });
    const { ttl, position: at, provenAt } = verdict;
    return { kept, verdict, served: { kept, from, ttl, position: at, provenAt } };
  }

  function refreshBehind(ask: EdgeAsk<Question>, memo: SpaceMemo, stale: Look): void {
    if (!isLeased(ask.key)) ask.defer(fillAlone(ask, memo, stale));
  }

  async function fillAlone(ask: EdgeAsk<Question>, memo: SpaceMemo, stale: Look | undefined): Promise<Result<Filled>> {
    lease(ask.key);
    try {
      return await fill(ask, memo, stale);
    } finally {
      leases.delete(ask.key);
    }
  }

  /** What must be waited for: another request of this isolate that is at it, or our own fill. */
  async function obtain(ask: EdgeAsk<Question>, memo: SpaceMemo, stale: Look | undefined): Promise<Result<Served>> {
    const why = stale === undefined ? "uri-miss" : "stale";
    if (isLeased(ask.key)) {
      const came = await waitFor(ask, memo, stale?.kept);
      if (came !== undefined) return ok({ ...came, from: came.kept.source, forwarded: { why, collapsed: true } });
    }
    const filled = await fillAlone(ask, memo, stale);
    if (!filled.ok) return filled.fault.kind === "unavailable" ? (lastResort(ask, stale) ?? filled) : filled;
    const { kept, how } = filled.value;
    const { position: at, ttl, provenAt } = verdictOf(ask, memo, kept);
    const served = { kept, position: at, ttl, provenAt };
    if (how === "memory") return ok({ ...served, from: "shield" });
    return ok({ ...served, from: kept.source, forwarded: { why, collapsed: how === "collapsed" } });
  }

  async function waitFor(ask: EdgeAsk<Question>, memo: SpaceMemo, not: Kept | undefined): Promise<Served | undefined> {
    const end = clock.now() + WAIT_MS;
    for (let pause = 2; clock.now() < end && isLeased(ask.key); pause = Math.min(20, pause * 2)) {
      await parts.sleep(millis(pause));
      const kept = memory.get(ask.key);
      const look = kept === not ? undefined : lookAt(ask, memo, kept, "memory");
      if (look?.served !== undefined) return look.served;
    }
    return undefined;
  }

  type Filled = { readonly kept: Kept; readonly how: "memory" | "filled" | "collapsed" };

  async function fill(ask: EdgeAsk<Question>, memo: SpaceMemo, stale: Look | undefined): Promise<Result<Filled>> {
    const { question, key, place } = ask;
    const floor = stale?.verdict.is === "good" ? stale.kept.position : stale?.verdict.reach;
    let reach = position(Math.max(floor ?? ORIGIN, ask.atLeast ?? ORIGIN));
    // What changed needs no more than its position; what merely aged must have been read again since.
    let newerThan = stale !== undefined && reach <= stale.kept.position ? stale.kept.filledAt : undefined;
    for (let attempt = 1; ; attempt += 1) {
      const want: Want = { reach, newerThan, place };
      const shielded = attempt <= SHIELD_TRIES ? helpful(await shield.ask(question, key, want)) : undefined;
      const filled = shielded ?? (await direct(question, want));
      if (!filled.ok) return filled;
      const { kept, how } = filled.value;
      freshness.saw(memo, kept.position);
      // Whatever tier it came from: the digest may know better; without it, what the shield remembers may have aged.
      const changed = memo.view && staleSince(memo.view, kept.position, kept.dependencies);
      const aged = how === "memory" && !freshness.isLive(memo, clock.now()) && verdictOf(ask, memo, kept).is !== "good";
      if (attempt > SHIELD_TRIES || (changed === undefined && !aged)) {
        keep(ask, kept, stale !== undefined || shielded === undefined || how !== "filled");
        return ok(filled.value);
      }
      if (changed !== undefined) reach = position(Math.max(reach, changed));
      newerThan = aged ? kept.filledAt : undefined;
    }
  }

  async function direct(question: Question, want: Want): Promise<Result<Filled>> {
    const filled = await origin(question, want);
    return filled.ok ? ok({ kept: filled.value, how: "filled" }) : filled;
  }

  /**
   * A tier never goes back. What nobody else of the region has asked for yet is seldom asked for again: data centres keep it from the second
   * asker on, who has it from the shield.
   */
  function keep(ask: EdgeAsk<Question>, kept: Kept, isShared: boolean): void {
    const before = memory.get(ask.key);
    if (before !== undefined && before.position > kept.position) return;
    memory.set(ask.key, kept);
    if (isShared) ask.defer(colo.put(kept));
  }

  /** Stale-if-error (RFC 5861): better than nothing for whoever did not ask for more. */
  function lastResort({ atLeast, policy }: EdgeAsk<Question>, stale: Look | undefined): Result<Served> | undefined {
    if (stale === undefined) return undefined;
    const { kept, verdict } = stale;
    const known = atLeast === undefined || (kept.pinned ? kept.position : verdict.position) >= atLeast;
    if (!known || clock.now() - kept.filledAt >= policy.stale * 1_000) return undefined;
    const ttl = Math.min(-1, verdict.ttl);
    return ok({ kept, from: "memory", ttl, position: verdict.position, provenAt: verdict.provenAt });
  }

  function isLeased(key: string): boolean {
    return (leases.get(key) ?? 0) > clock.now();
  }

  function lease(key: string): void {
    leases.set(key, instant(clock.now() + LEASE_MS));
    if (leases.size > MOST_LEASES) leases.delete(leases.keys().next().value as string);
  }

  return { read };
}

/** The shield's own lack of room or of databases is not the asker's. */
function helpful(answered: Result<Shielded> | undefined): Result<Shielded> | undefined {
  if (answered === undefined || answered.ok) return answered;
  const { kind, code } = answered.fault;
  return kind === "unavailable" && code !== "position-not-reached" ? undefined : answered;
}
