// What this isolate knows of the digests of the spaces it reads: fresh for half a second, refreshed behind reads until a second, then waited
// for. Plain state only: a promise of one request must not be awaited by another, so work in flight is a lease with a time.
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Spending } from "../admission/spending.ts";
import { attempt } from "../resilience/attempt.ts";
import { type Digest, type DigestPage, digestKey } from "./digest.ts";
import { readSharedPage, type SharedPage, type SharedPages, sharedPageOf } from "./shared-page.ts";
import { missedSince } from "./shown.ts";
import { type SpaceMemo, type State, spaceMemos } from "./space-memos.ts";
import type { Dependencies, DigestView } from "./view.ts";

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
/** A position that a reader showed and the digest has not heard of after so long: somebody crashed between. The bell is rung, again and again. */
const UNHEARD_MS = 1_000;
const RING_AGAIN_MS = 5_000;
/** Nor after so long: whatever the digest's store answers, it does not take in what is written. Nothing that it says is relied on. */
const DEAF_MS = 5_000;
const MOST_CHANGES = 32_768;

type Defer = (work: Promise<unknown>) => void;

export interface Freshness {
  memo(space: SpaceRef): SpaceMemo;
  isLive(memo: SpaceMemo, now: Instant): boolean;
  /** Everything that happened before is in the memo's view; long ago where that is not known. */
  completeAt(memo: SpaceMemo, now: Instant): Instant;
  /**
   * True when the memo's view may be relied on: everything of more than a second ago is in it. Waits for a digest request only past that second,
   * or when `atLeast` lies above the view, and never while Redis is known to be away.
   */
  current(memo: SpaceMemo, defer: Defer, atLeast?: Position): Promise<boolean>;
  /** Starts a refresh when one is due and none is under way; for whoever must not wait. */
  refreshBehind(memo: SpaceMemo, now: Instant, defer: Defer): void;
  /** See `missedSince`. */
  missedSince(memo: SpaceMemo, at: Position, dependencies: Dependencies): Instant | undefined;
  /**
   * All changes above `from` up to `to`, from a commit of this isolate: whoever wrote here reads it here at once, before the digest has it.
   * Nothing is taken when something before them is not known: then only that there was a commit (`SpaceMemo.unheard`).
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
  const { memo, remember, use } = spaceMemos();

  function isLive(one: SpaceMemo, now: Instant): boolean {
    return now - completeAt(one, now) < LIVE_MS;
  }

  function completeAt(one: SpaceMemo, now: Instant): Instant {
    const { view, askedAt, seen } = one as State;
    const isDeaf = view !== undefined && seen !== undefined && now - seen.at >= DEAF_MS && view.head < seen.position;
    return view === undefined || isDeaf ? instant(0) : askedAt;
  }

  /** False: somebody else's refresh is under way. */
  async function refresh(state: State, defer: Defer): Promise<boolean> {
    const now = clock.now();
    if (now < state.leaseUntil) return false;
    state.leaseUntil = now + LEASE_MS;
    use(state);
    let asked = await attempt(() => ask(state, now, defer));
    if (!asked.ok && !parts.isAway()) {
      // One answer that was late makes nobody go by age: the store that is not known to be away is asked once more.
      const again = clock.now();
      state.leaseUntil = again + LEASE_MS;
      asked = await attempt(() => ask(state, again, defer));
    }
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
    const found = await attempt(async () => {
      const text = await shared.find(digestKey(state.space));
      return text === undefined ? undefined : readSharedPage(text);
    });
    const page = found.ok ? found.value : undefined;
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

  /** `own`: nobody is given what was before a change that was made here. What came slowly is known since it should have come. */
  function merge(state: State, { head, changed }: DigestPage, askedAt: Instant, own = false): boolean {
    const view = state.view as DigestView;
    if (head !== undefined && head > view.head) {
      const before = new Map<string, Position | undefined>();
      for (const [member, at] of changed) {
        const known = state.changed.get(member);
        if (at <= (known ?? -1)) continue;
        before.set(member, known);
        state.changed.set(member, at);
      }
      const [now, at] = [clock.now(), instant(Math.min(clock.now(), askedAt + FRESH_MS))];
      const followed = !own && askedAt - state.askedAt <= LIVE_MS;
      state.shown = [...state.shown.filter((one) => now - one.at < LIVE_MS), { at, followed, before }];
      show(state, { ...view, head });
    }
    // The next request reads everything: what the digest itself has forgotten goes.
    if (state.changed.size > MOST_CHANGES) state.view = undefined;
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
    // What it said before cannot be told any more: nothing of it has any grace.
    state.shown = [];
    state.changed = new Map(page.changed);
    show(state, { birth: page.birth, head, floor: page.floor ?? head, changed: state.changed });
    state.askedAt = askedAt;
    return true;
  }

  function show(state: State, view: DigestView): void {
    state.view = view;
    state.version += 1;
    if (state.unheard !== undefined && view.head >= state.unheard) state.unheard = undefined;
    remember(state);
  }

  function missing(state: State, now: Instant, defer: Defer): void {
    state.absentUntil = now + ABSENT_MS;
    defer(attempt(() => parts.ring(state.space, state.seen?.position ?? state.view?.head ?? (0 as Position))));
  }

  function tellUnheard(state: State, defer: Defer): void {
    const { seen, view } = state;
    if (seen === undefined || view === undefined) return;
    const now = clock.now();
    if (view.head >= seen.position) state.seen = undefined;
    else if (now - seen.at >= UNHEARD_MS && now - seen.rungAt >= RING_AGAIN_MS) {
      state.seen = { ...seen, rungAt: now };
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
    completeAt,
    refreshBehind,
    async current(one, defer, atLeast) {
      const state = one as State;
      const now = clock.now();
      const wished = atLeast !== undefined && atLeast > (state.view?.head ?? -1) && now - state.askedAt >= WISH_MS;
      const isYoung = state.view !== undefined && now - state.askedAt < LIVE_MS;
      if (isYoung && !wished) refreshBehind(state, now, defer);
      else if (parts.isAway()) refreshBehind(state, now, defer);
      else if (now >= state.absentUntil) await wait(state, defer);
      return isLive(state, clock.now());
    },
    missedSince(one, at, dependencies) {
      const { view, shown } = one as State;
      return view === undefined ? undefined : missedSince(view, shown, at, dependencies);
    },
    heard(space, from, to, changed) {
      const state = memo(space);
      // What was known stays as old as it was: others may have written since.
      const { view, askedAt } = state;
      if (view !== undefined && view.head >= from)
        merge(state, { birth: view.birth, head: to, changed }, askedAt, true);
      else if (to > Math.max(view?.head ?? -1, state.unheard ?? -1)) {
        state.unheard = to;
        state.version += 1;
      }
    },
    saw(one, at) {
      const state = one as State;
      // The first that is not heard of counts: later ones would put off for ever what it leads to.
      if (at > (state.view?.head ?? -1)) state.seen ??= { position: at, at: clock.now(), rungAt: instant(0) };
    },
  };
}
