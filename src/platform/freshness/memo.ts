// What this isolate knows of the digests of the spaces it reads: fresh for half a second, refreshed behind reads until a second, then waited
// for. Plain state only: a promise of one request must not be awaited by another, so work in flight is a lease with a time.
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import { ORIGIN, type Position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Spending } from "../admission/spending.ts";
import { attempt } from "../resilience/attempt.ts";
import { type Digest, type DigestPage, digestKey } from "./digest.ts";
import { readSharedPage, type SharedPage, type SharedPages, sharedPageOf } from "./shared-page.ts";
import type { DigestView } from "./view.ts";

/** Milliseconds from when the request was sent that brought the view. */
export const FRESH_MS = 500;
export const LIVE_MS = 1_000;
/** Longer than the digest's store is given to answer. */
const LEASE_MS = 1_000;
/** Between two looks at whether another request's refresh has come. */
const LOOK_MS = 4;
/** Where there was no digest a moment ago there is none now: nobody waits for it. */
const ABSENT_MS = 500;
/** A wish for a later position does not make everybody ask anew. */
const WISH_MS = 20;
/** A digest of another birth that claims less than we have seen is an old copy, or a space that was restored: time tells. */
const DISTRUST_MS = 10_000;
/** A position that a reader showed and the digest has not heard of after so long: somebody crashed between. */
const UNHEARD_MS = 1_000;
const MOST_SPACES = 500;
const MOST_CHANGES = 32_768;

/** A view came: `at` that instant, `followed` when the one before it, which reached `after`, was not older than a second. */
interface Shown {
  readonly after: Position;
  readonly head: Position;
  readonly at: Instant;
  readonly followed: boolean;
}

export interface SpaceMemo {
  readonly space: SpaceRef;
  /** Absent until a digest was read. */
  readonly view: DigestView | undefined;
  /** Another number whenever the view says something new. */
  readonly version: number;
  /** When the request was sent that last confirmed the view. */
  readonly askedAt: Instant;
}

type State = { -readonly [Member in keyof SpaceMemo]: SpaceMemo[Member] } & {
  leaseUntil: number;
  absentUntil: number;
  distrustedSince: number | undefined;
  seen: { readonly position: Position; readonly at: Instant } | undefined;
  shown: Shown[];
};

type Defer = (work: Promise<unknown>) => void;

export interface Freshness {
  memo(space: SpaceRef): SpaceMemo;
  isLive(memo: SpaceMemo, now: Instant): boolean;
  /**
   * True when the memo's view may be relied on: everything of more than a second ago is in it. Waits for a digest request only past that second,
   * or when `atLeast` lies above the view, and never while Redis is known to be away.
   */
  current(memo: SpaceMemo, defer: Defer, atLeast?: Position): Promise<boolean>;
  /** Starts a refresh when one is due and none is under way; for whoever must not wait. */
  refreshBehind(memo: SpaceMemo, now: Instant, defer: Defer): void;
  /** When this isolate first learnt of a change at `position`; `undefined`: long ago, or nobody knows how long after it happened. */
  shownAt(memo: SpaceMemo, position: Position): Instant | undefined;
  /**
   * All changes above `from` up to `to`, from a commit of this isolate: whoever wrote here reads it here at once, before the digest has it.
   * Nothing is taken when something before them is not known.
   */
  heard(space: SpaceRef, from: Position, to: Position, changed: ReadonlyMap<string, Position>): void;
  /** A snapshot showed this position: if the digest does not hear of it, the bell is rung. */
  saw(memo: SpaceMemo, position: Position): void;
}

export interface FreshnessParts {
  readonly digest: Pick<Digest, "read">;
  readonly spending: Spending;
  readonly clock: Clock;
  /** Shared by the isolates of a data centre. */
  readonly shared: SharedPages;
  /** Whether the digest's store is known to be away: then nobody waits for it. */
  isAway(): boolean;
  sleep(time: Millis): Promise<void>;
  /** The digest may be behind, or there is none. */
  ring(space: SpaceRef, position: Position): Promise<void>;
}

export function openFreshness(parts: FreshnessParts): Freshness {
  const { digest, spending, clock, shared } = parts;
  const memos = new Map<string, State>();

  function memo(space: SpaceRef): State {
    const key = digestKey(space);
    const known = memos.get(key);
    if (known !== undefined) return known;
    const made: State = {
      space,
      view: undefined,
      version: 0,
      askedAt: instant(0),
      leaseUntil: 0,
      absentUntil: 0,
      distrustedSince: undefined,
      seen: undefined,
      shown: [],
    };
    memos.set(key, made);
    if (memos.size > MOST_SPACES) memos.delete(memos.keys().next().value as string);
    return made;
  }

  const isLive = ({ view, askedAt }: SpaceMemo, now: Instant): boolean => view !== undefined && now - askedAt < LIVE_MS;

  /** False: somebody else's refresh is under way. */
  async function refresh(state: State, defer: Defer): Promise<boolean> {
    const now = clock.now();
    if (now < state.leaseUntil) return false;
    state.leaseUntil = now + LEASE_MS;
    const asked = await attempt(() => ask(state, now, defer));
    state.leaseUntil = 0;
    if (!asked.ok || state.askedAt < now - FRESH_MS) state.absentUntil = clock.now() + ABSENT_MS;
    return true;
  }

  async function ask(state: State, now: Instant, defer: Defer): Promise<void> {
    const reports = spending.take(state.space);
    if (reports.length === 0 && (await borrow(state, now))) return;
    const since = state.view?.head;
    const told = { reports, heard: (totals: readonly number[]) => spending.heard(state.space, reports, totals) };
    const asked = await attempt(() => digest.read(state.space, since, told));
    if (!asked.ok) {
      spending.lost(state.space, reports);
      throw asked.error;
    }
    let page = asked.value;
    const isPart =
      page !== undefined && since !== undefined && page.birth === state.view?.birth && page.floor === undefined;
    // Another birth, or changes that were dropped: what is known does not join to what came.
    if (page !== undefined && since !== undefined && !isPart) page = await digest.read(state.space);
    if (page === undefined) return missing(state, now, defer);
    const took = isPart ? merge(state, page, now) : replace(state, page, now);
    if (took) defer(shared.put(digestKey(state.space), sharedPageOf(page, isPart ? since : undefined, now)));
    tellUnheard(state, defer);
  }

  /** A page that another isolate of this data centre has just read saves a request. */
  async function borrow(state: State, now: Instant): Promise<boolean> {
    const found = await attempt(() => shared.find(digestKey(state.space)));
    const page = found.ok && found.value !== undefined ? readSharedPage(found.value) : undefined;
    if (page === undefined || !isUsable(page, state, now)) return false;
    return state.view === undefined ? replace(state, page, page.askedAt) : merge(state, page, page.askedAt);
  }

  function isUsable(page: SharedPage, { view, askedAt }: State, now: Instant): boolean {
    // A clock ahead of ours would make a page look younger than it is.
    const isRecent = page.askedAt <= now && now - page.askedAt < FRESH_MS && page.askedAt > askedAt;
    if (!isRecent) return false;
    if (view === undefined) return page.since === undefined;
    return page.birth === view.birth && page.since !== undefined && page.since <= view.head && page.floor === undefined;
  }

  /** `own`: nobody is given what was before a change that was made here. */
  function merge(state: State, { head, changed }: DigestPage, askedAt: Instant, own = false): boolean {
    const view = state.view as DigestView;
    if (head !== undefined && head > view.head) {
      const all = view.changed as Map<string, Position>;
      for (const [member, at] of changed) if (at > (all.get(member) ?? -1)) all.set(member, at);
      show(state, { ...view, head }, askedAt, own);
    }
    // The next request reads everything: what the digest itself has forgotten goes.
    if (view.changed.size > MOST_CHANGES) state.view = undefined;
    state.askedAt = askedAt;
    return true;
  }

  function replace(state: State, page: DigestPage, askedAt: Instant): boolean {
    const { view } = state;
    const head = page.head ?? page.floor;
    if (head === undefined) return false;
    if (view !== undefined && head < view.head) {
      // Of the same birth: a copy that lags, and a memo never moves back.
      state.distrustedSince ??= askedAt;
      if (page.birth === view.birth || askedAt - state.distrustedSince < DISTRUST_MS) return false;
    }
    state.distrustedSince = undefined;
    show(state, { birth: page.birth, head, floor: page.floor ?? head, changed: new Map(page.changed) }, askedAt);
    state.askedAt = askedAt;
    return true;
  }

  function show(state: State, view: DigestView, askedAt: Instant, own = false): void {
    const at = clock.now();
    const followed = !own && state.view !== undefined && askedAt - state.askedAt <= LIVE_MS;
    const after = state.view?.head ?? ORIGIN;
    state.view = view;
    state.version += 1;
    state.shown = [...state.shown.filter((one) => at - one.at < LIVE_MS), { after, head: view.head, at, followed }];
  }

  function missing(state: State, now: Instant, defer: Defer): void {
    state.absentUntil = now + ABSENT_MS;
    defer(attempt(() => parts.ring(state.space, state.seen?.position ?? state.view?.head ?? (0 as Position))));
  }

  function tellUnheard(state: State, defer: Defer): void {
    const { seen, view } = state;
    if (seen === undefined || view === undefined) return;
    if (view.head >= seen.position) state.seen = undefined;
    else if (clock.now() - seen.at >= UNHEARD_MS) {
      state.seen = undefined;
      defer(attempt(() => parts.ring(state.space, seen.position)));
    }
  }

  function refreshBehind(one: SpaceMemo, now: Instant, defer: Defer): void {
    const state = one as State;
    if (now - state.askedAt >= FRESH_MS && now >= state.leaseUntil && now >= state.absentUntil)
      defer(refresh(state, defer));
  }

  async function wait(state: State, defer: Defer): Promise<void> {
    if (await refresh(state, defer)) return;
    const before = state.askedAt;
    while (state.askedAt === before && clock.now() < state.leaseUntil) await parts.sleep(millis(LOOK_MS));
  }

  return {
    memo,
    isLive,
    refreshBehind,
    async current(one, defer, atLeast) {
      const state = one as State;
      const now = clock.now();
      const wished = atLeast !== undefined && atLeast > (state.view?.head ?? -1) && now - state.askedAt >= WISH_MS;
      if (isLive(state, now) && !wished) refreshBehind(state, now, defer);
      else if (parts.isAway()) refreshBehind(state, now, defer);
      else if (now >= state.absentUntil) await wait(state, defer);
      return isLive(state, clock.now());
    },
    shownAt(one, at) {
      // Above the head before it: a view that came just now says nothing of when older changes were learnt.
      const first = (one as State).shown.find(({ after, head }) => after < at && at <= head);
      return first?.followed === true ? first.at : undefined;
    },
    heard(space, from, to, changed) {
      const state = memo(space);
      // What was known stays as old as it was: others may have written since.
      const { view, askedAt } = state;
      if (view !== undefined && view.head >= from)
        merge(state, { birth: view.birth, head: to, changed }, askedAt, true);
    },
    saw(one, at) {
      const state = one as State;
      if (at > (state.view?.head ?? -1) && at > (state.seen?.position ?? -1))
        state.seen = { position: at, at: clock.now() };
    },
  };
}
