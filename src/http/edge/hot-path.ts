// The first thing that a request meets: one synchronous function that answers from memory what was answered before, when the digest says that
// nothing has changed: not the answer, not the space's settings, not the keys. It does no I/O and waits for nobody; whatever it is not sure of
// goes the long way, which gives the very same answer (test/promises/hot-path.test.ts holds both against each other).
import { type Clock, type Instant, instant } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Account } from "../../platform/admission/account.ts";
import type { BudgetLimit } from "../../platform/admission/plans.ts";
import { type Kept, lifeOf } from "../../platform/edge-cache/kept.ts";
import { type Memory, memory } from "../../platform/edge-cache/memory.ts";
import type { Freshness } from "../../platform/freshness/memo.ts";
import type { SpaceMemo } from "../../platform/freshness/space-memos.ts";
import { ON_KEYS, ON_SETTINGS, staleSince } from "../../platform/freshness/view.ts";
import type { RequestEvent } from "../../platform/telemetry/request-event.ts";
import type { Call, Spent } from "../call.ts";
import { atLeastOf, conditionsOf } from "../conditions.ts";
import { isNotModified } from "../entity-tag.ts";
import type { Identity } from "../middleware/identify.ts";
import { limitText, policyText } from "../rate-limit.ts";
import type { Route } from "../route.ts";
import { LIGHT } from "../worth.ts";
import { ageOf, cacheStatusOf, headersOf } from "./kept-answer.ts";

/** What a request that went the long way found out about all that are written like it. */
export interface Learnt {
  readonly key: string;
  readonly memo: SpaceMemo;
  readonly space: SpaceRef;
  /** The position that the space's settings were read at, and what they say: not all that is known of a space, which may be megabytes. */
  readonly settingsAt: Position;
  readonly limit: BudgetLimit;
  readonly identity: Identity;
  /** What such requests are charged to: see `ReadBudgets.account`. */
  account(): Account;
}

export interface HotPath {
  /** `undefined`: go the long way. */
  answer(request: Request, defer: (work: Promise<unknown>) => void): Response | undefined;
  learn(call: Call, learnt: Learnt): void;
}

export interface HotParts {
  readonly answers: Memory<Kept>;
  readonly freshness: Freshness;
  readonly clock: Clock;
  uuid(): string;
  /** Where the request arrived; absent: where the one did that was learnt from, since an isolate never moves. */
  coloOf?(request: Request): string;
  readonly spent: Spent;
  /** Whether this hit gets a log line. */
  isSampled(): boolean;
  log(event: RequestEvent): void;
}

interface Shortcut extends Learnt {
  readonly route: Route;
  readonly until: Instant;
  colo: string;
  /** What follows holds for this answer, this version of the view, this second. */
  kept: Kept | undefined;
  version: number;
  second: number;
  /** Asked for once a second: one that was forgotten meanwhile is reported by nobody. */
  charged: Account | undefined;
  /** Changed in place and copied whole by the platform: cheaper than making anew what is nearly always the same. */
  full: Headers | undefined;
  unmodified: Headers | undefined;
}

/** Now and then the long way is taken all the same: it notes that a key is in use. */
const LIFE_MS = 30 * 60_000;
const MOST_SHORTCUTS = 4_000;
/** Longer ones are seldom asked twice, and are looked at whole each time. */
const LONGEST_ADDRESS = 2_048;

export function openHotPath(parts: HotParts): HotPath {
  const { answers, freshness, clock } = parts;
  const shortcuts = memory<Shortcut>(MOST_SHORTCUTS);

  /** Whether nothing has changed that the answer, the settings or the rights rest on. */
  function holds(shortcut: Shortcut, kept: Kept): boolean {
    const { memo, settingsAt, identity } = shortcut;
    const { view } = memo;
    if (view === undefined) return false;
    if (staleSince(view, kept.position, kept.dependencies) !== undefined) return false;
    if (staleSince(view, settingsAt, ON_SETTINGS) !== undefined) return false;
    if (memo.unheard !== undefined && settingsAt < memo.unheard) return false;
    if (identity.position !== undefined && staleSince(view, identity.position, ON_KEYS) !== undefined) return false;
    if (shortcut.kept !== kept) {
      shortcut.full = undefined;
      shortcut.unmodified = undefined;
    }
    shortcut.kept = kept;
    shortcut.version = memo.version;
    shortcut.second = -1;
    return true;
  }

  function prepared(shortcut: Shortcut, kept: Kept, same: boolean): Headers {
    const known = same ? shortcut.unmodified : shortcut.full;
    if (known !== undefined) return known;
    const made = headersOf(kept, shortcut.colo, !same);
    made.set("Meridian-Source", "memory");
    made.set("Server-Timing", "total;dur=0");
    made.set("RateLimit-Policy", policyText("read", shortcut.limit));
    if (same) shortcut.unmodified = made;
    else shortcut.full = made;
    shortcut.second = -1;
    return made;
  }

  /** What changes only with the second or with the view. */
  function tell(shortcut: Shortcut, kept: Kept, now: Instant, second: number): void {
    const position = String(Math.max(kept.position, shortcut.memo.view?.head ?? 0));
    const ttl = Math.max(1, Math.ceil((lifeOf(kept) - (now - kept.filledAt)) / 1_000));
    const provenAt = instant(Math.max(kept.filledAt, shortcut.memo.askedAt));
    for (const headers of [shortcut.full, shortcut.unmodified]) {
      headers?.set("Age", ageOf(kept.life === undefined ? provenAt : kept.filledAt, now));
      headers?.set("Cache-Status", cacheStatusOf({ ttl }));
      headers?.set("Meridian-Position", position);
    }
    shortcut.second = second;
  }

  function moved(shortcut: Shortcut, colo: string): void {
    shortcut.colo = colo;
    shortcut.full?.set("Meridian-Region", colo);
    shortcut.unmodified?.set("Meridian-Region", colo);
  }

  return {
    answer(request, defer) {
      if (request.method !== "GET") return undefined;
      const { headers } = request;
      const shortcut = shortcuts.get(addressOf(request.url, headers));
      if (shortcut === undefined) return undefined;
      const { memo } = shortcut;
      const now = clock.now();
      if (!freshness.isLive(memo, now) || now >= shortcut.until) return undefined;
      const kept = answers.get(shortcut.key);
      if (kept === undefined || kept.refusal !== undefined || now - kept.filledAt >= lifeOf(kept)) return undefined;
      if ((kept !== shortcut.kept || memo.version !== shortcut.version) && !holds(shortcut, kept)) return undefined;
      const atLeast = headers.get("meridian-at-least");
      if (atLeast !== null && !reaches(headers, kept, memo)) return undefined;
      const noneMatch = headers.get("if-none-match");
      const conditions = noneMatch === null ? undefined : conditionsOf(headers, "read");
      if (conditions?.ok === false) return undefined;
      const second = Math.floor(now / 1_000);
      if (second !== shortcut.second || shortcut.charged === undefined) shortcut.charged = shortcut.account();
      const account = shortcut.charged;
      if (!account.charge(LIGHT, now)) return undefined;

      parts.spent(account, shortcut.space, now, defer);
      const same = conditions !== undefined && isNotModified(conditions.value, kept.headers["ETag"] ?? "");
      const answered = prepared(shortcut, kept, same);
      if (second !== shortcut.second) tell(shortcut, kept, now, second);
      const colo = parts.coloOf?.(request);
      if (colo !== undefined && colo !== shortcut.colo) moved(shortcut, colo);
      const requestId = parts.uuid();
      answered.set("Request-Id", requestId);
      answered.set("RateLimit", limitText("read", account.state(now)));
      if (parts.isSampled()) parts.log(eventOf(shortcut, requestId, same));
      return new Response(same ? null : (kept.body as Uint8Array<ArrayBuffer>), {
        status: same ? 304 : 200,
        headers: answered,
      });
    },
    learn({ request, route, colo }, learnt) {
      const address = addressOf(request.url, request.headers);
      const until = instant(Math.min(clock.now() + LIFE_MS, learnt.identity.until ?? Number.POSITIVE_INFINITY));
      if (request.method !== "GET" || address.length > LONGEST_ADDRESS) return;
      const nothing = {
        charged: undefined,
        kept: undefined,
        version: -1,
        second: -1,
        full: undefined,
        unmodified: undefined,
      };
      shortcuts.set(address, { ...learnt, route, colo, until, ...nothing });
    },
  };
}

/** Everything in a request that its answer may depend on, besides the conditions and the position that it asks for. */
function addressOf(url: string, headers: Headers): string {
  const credential = headers.get("authorization");
  const prefer = headers.get("prefer");
  if (credential === null && prefer === null) return url;
  // An empty header is not an absent one.
  return `${url}\n${credential === null ? "" : `a${credential}`}\n${prefer === null ? "" : `p${prefer}`}`;
}

function reaches(headers: Headers, { pinned, position }: Kept, { view }: SpaceMemo): boolean {
  const atLeast = atLeastOf(headers);
  return atLeast.ok && (atLeast.value ?? 0) <= (pinned ? position : Math.max(position, view?.head ?? 0));
}

function eventOf({ route, space, colo, memo }: Shortcut, requestId: string, same: boolean): RequestEvent {
  return {
    requestId,
    method: "GET",
    route: route.path,
    operation: route.operation.id,
    status: same ? 304 : 200,
    durationMs: 0,
    space: `${space.uid}.${space.epoch}`,
    colo,
    source: "memory",
    ...(memo.view === undefined ? {} : { position: memo.view.head }),
  };
}
