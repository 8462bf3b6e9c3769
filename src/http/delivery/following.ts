// Changes as server-sent events (HTML standard, 9.2): told as they come, at the cost of one request a second to whoever knows of changes.
import type { Changes } from "../../contexts/delivery/delivery.ts";
import { type Clock, type Instant, type Millis, millis } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result } from "../../kernel/result.ts";

export interface Following {
  /** Changes after a position, and the position that the space has reached. */
  page(after: Position): Promise<Result<Changes>>;
  /** The space's position as the digest knows it. */
  head(): Promise<Position | undefined>;
  /** Whether whoever follows still may; asks nobody but every four seconds. */
  admit(): Promise<Result<undefined>>;
  /** False: the client has left. */
  wait(time: Millis): Promise<boolean>;
  readonly clock: Clock;
  /** When the stream ends by itself, so that clients come back to another isolate in time. */
  readonly lifetime: Millis;
}

/** Of a stream's page. Small: a page is in memory as rows, as items and as text. */
export const STREAM_PAGE = { limit: 100, bytes: 1024 * 1024 };

const BEAT = 15_000;
const TURN = 1_000;
/** A look a second while there is something to see, up to three seconds apart after a minute without. */
const LOOK = { least: TURN, most: 3_000, share: 1 / 20 };
/** A key's record is trusted for this long, and a revoked key is dead everywhere a second later: who may follow is asked at every turn. */
const ADMITTED = 4_000;
/** The log is asked even when the digest is silent: news of a commit may have been lost on its way there, or the digest be away. */
const ASKED = { knowing: 15_000, blind: 5_000 };
/** What is asked of the outside, counted high: the platform lets one request make 10,000 requests. */
const COST = { look: 1, admit: 2, page: 4 };
const SPENT_MOST = 5_000;
/** Characters. The CPU time of a request is bounded as well. */
const SENT_MOST = 64 * 1024 * 1024;
const RETRY = 1_000;

/** `first`: the page that the answer begins with. Ends when the time is over, when the client has left, and when it may not follow any more. */
export async function* follow(first: Changes, following: Following): AsyncGenerator<Result<string>, void> {
  const { clock, lifetime } = following;
  const begun = clock.now();
  const state: State = {
    at: first.next,
    known: first.head,
    told: begun,
    looked: begun,
    asked: begun,
    admitted: begun,
    requests: 1,
    spent: COST.page,
  };
  let [beat, sent] = [begun, 0];
  let isMore = first.next < first.head;
  yield ok(`${first.items.length === 0 ? standingAt(first.next) : ""}${eventsOf(first.items)}`);
  for (;;) {
    if (clock.now() - begun >= lifetime || state.spent >= SPENT_MOST || sent >= SENT_MOST) {
      yield ok(`retry: ${RETRY}\n\n`);
      return;
    }
    if (!isMore) {
      // Each request has its second.
      if (!(await following.wait(millis(Math.max(state.requests, 1) * TURN)))) return;
      state.requests = 0;
      if (clock.now() - beat >= BEAT) {
        beat = clock.now();
        yield ok(":\n\n");
      }
      if (!(await lookAround(state, following))) return;
    }
    isMore = false;
    if (state.at >= state.known) continue;
    const page = await readOn(state, following);
    // Where nobody answers, the stream stands by; where it may not read any more, it ends.
    if (!page.ok && page.fault.kind !== "unavailable") return;
    if (!page.ok || page.value.items.length === 0) continue;
    const events = eventsOf(page.value.items);
    yield ok(events);
    state.told = clock.now();
    beat = state.told;
    sent += events.length;
    // The next page at the client's own pace.
    isMore = page.value.next < page.value.head;
  }
}

interface State {
  /** Everything up to here has been told. */
  at: Position;
  /** How far the space is. */
  known: Position;
  /** When something was told, the digest was looked at, the log was asked, the key's record may have been. */
  told: Instant;
  looked: Instant;
  asked: Instant;
  admitted: Instant;
  /** Since the last wait. */
  requests: number;
  spent: number;
}

/** At most one request: for the key's record, or for how far the space is. False: the client may not follow any more. */
async function lookAround(state: State, { admit, head, clock }: Following): Promise<boolean> {
  const now = clock.now();
  const admitted = await admit();
  if (!admitted.ok && admitted.fault.kind !== "unavailable") return false;
  if (now - state.admitted >= ADMITTED) {
    state.admitted = now;
    state.requests += 1;
    state.spent += COST.admit;
    return true;
  }
  const interval = Math.min(Math.max((now - state.told) * LOOK.share, LOOK.least), LOOK.most);
  if (now - state.looked < interval) return true;
  state.looked = now;
  state.requests += 1;
  state.spent += COST.look;
  const moved = await head();
  if (moved !== undefined && moved > state.known) state.known = moved;
  else if (now - state.asked >= (moved === undefined ? ASKED.blind : ASKED.knowing)) state.known = UNKNOWN;
  return true;
}

async function readOn(state: State, { page, clock }: Following): Promise<Result<Changes>> {
  state.requests += 1;
  state.spent += COST.page;
  state.asked = clock.now();
  const read = await page(state.at);
  if (!read.ok) return read;
  const { next, head } = read.value;
  state.at = next;
  // A reader may be behind the digest: the next look finds that out.
  state.known = head;
  return read;
}

/** Whatever the log says. */
const UNKNOWN = Number.POSITIVE_INFINITY as Position;

/** Sets what a client comes back with, without an event: else one that saw none would come back to a later head. */
function standingAt(position: Position): string {
  return `: from here on\nid: ${position}\n\n`;
}

function eventsOf(items: readonly JsonObject[]): string {
  return items.map((item) => `event: change\nid: ${item["position"]}\ndata: ${JSON.stringify(item)}\n\n`).join("");
}
