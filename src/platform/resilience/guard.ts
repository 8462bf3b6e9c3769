// One guard a dependency and isolate: timeout, breaker and bulkhead, of plain state only. A request that the platform cancels stops without
// running `finally`, so what marks work in flight is a lease with a time. Nobody queues or awaits another request's probe: workerd takes
// who waits for another request's promise for hung, and cancels it. A call is let through or refused at once.
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import { Outage } from "./outage.ts";
import { type Adaptive, patience } from "./patience.ts";

export interface GuardOptions {
  readonly timeout: Millis | Adaptive;
  /**
   * Consecutive failures that open the breaker. One timeout does by itself, unless others were answered while that call waited: then the call
   * was slow, and the dependency is not away.
   */
  readonly breakAfter: number;
  /**
   * From opening to the next probe; at most 10 s. With two: `first` after it opened, twice as long after each probe that failed, at most `most`.
   * For what is asked so often that it is late now and then without being away.
   */
  readonly halfOpenAfter: Millis | Pauses;
  /** Calls in flight; one more is refused. */
  readonly bulkhead: number;
  readonly clock: Clock;
  /** Which errors count against the dependency; an error that is an answer does not. Default: all. */
  readonly isOutage?: (error: unknown) => boolean;
}

interface Pauses {
  readonly first: Millis;
  readonly most: Millis;
}

export interface CallLimit {
  /** Instead of the guard's own timeout. */
  readonly timeout?: Millis;
  /** A bound on the guard's own timeout, for callers that cannot wait as long. */
  readonly atMost?: Millis;
  /** Goes through an open breaker: for the one call that finds out what became of an earlier one. */
  readonly insists?: boolean;
}

export interface GuardState {
  readonly name: string;
  readonly breaker: "closed" | "open" | "half-open";
  readonly inFlight: number;
  readonly consecutiveFailures: number;
  /** Smoothed round trip of answered calls; absent until one was. */
  readonly roundTrip?: Millis;
}

export interface Guard {
  readonly name: string;
  /** Throws `Outage` when the breaker is open, the bulkhead full or the time over; whatever `work` throws passes unchanged. */
  run<T>(work: (signal: AbortSignal) => Promise<T>, limit?: CallLimit): Promise<T>;
  /**
   * Like `run`, but an outage (the guard's own, or what `isAway` says) is `undefined`; other errors are thrown. `answer` is asked first about
   * every error, the guard's own `Outage` included: what it returns is the result.
   */
  attempt<T, R = never>(
    work: (signal: AbortSignal) => Promise<T>,
    isAway: (error: unknown) => boolean,
    answer?: (error: unknown) => R | undefined,
    limit?: CallLimit,
  ): Promise<T | R | undefined>;
  state(): GuardState;
}

/** How much longer than its timeout a lease lasts: the answer's own handling. */
const GRACE: Millis = millis(1_000);
const LONGEST_BREAK: Millis = millis(10_000);

function pausesOf(halfOpenAfter: GuardOptions["halfOpenAfter"]): Pauses {
  const { first, most } =
    typeof halfOpenAfter === "number" ? { first: halfOpenAfter, most: halfOpenAfter } : halfOpenAfter;
  return { first: millis(Math.min(first, LONGEST_BREAK)), most: millis(Math.min(most, LONGEST_BREAK)) };
}

export function guard(name: string, options: GuardOptions): Guard {
  const { clock, bulkhead, breakAfter, isOutage = () => true } = options;
  const pauses = pausesOf(options.halfOpenAfter);
  let halfOpenAfter = pauses.first;
  const allowed = patience(options.timeout);
  const leases = new Map<number, Instant>();
  let calls = 0;
  let failures = 0;
  let answeredAt: Instant | undefined;
  let openedAt: Instant | undefined;
  let probe: { readonly call: number; readonly until: Instant } | undefined;

  function enter(call: number, limit: Millis, insists: boolean): void {
    const now = clock.now();
    const until = instant(now + limit + GRACE);
    const isProbed = probe !== undefined && now < probe.until;
    const mayPass = openedAt === undefined || insists || (!isProbed && now - openedAt >= halfOpenAfter);
    if (!mayPass) throw new Outage(name, "open");
    if (leases.size >= bulkhead) for (const [other, end] of leases) if (end <= now) leases.delete(other);
    if (leases.size >= bulkhead) throw new Outage(name, "full");
    if (openedAt !== undefined && !isProbed) probe = { call, until };
    leases.set(call, until);
  }

  function succeeded(call: number): void {
    answeredAt = clock.now();
    // A call from before the break proves nothing about now: only the probe closes.
    if (openedAt !== undefined && probe?.call !== call) return;
    failures = 0;
    openedAt = undefined;
    halfOpenAfter = pauses.first;
    probe = undefined;
  }

  function failed(call: number, isTimeout: boolean, started: Instant): void {
    const isProbe = probe?.call === call;
    if (isProbe) {
      probe = undefined;
      halfOpenAfter = millis(Math.min(2 * halfOpenAfter, pauses.most));
    }
    if (isTimeout && openedAt === undefined && answeredAt !== undefined && answeredAt > started) return;
    failures += 1;
    if (isProbe || (openedAt === undefined && (isTimeout || failures >= breakAfter))) openedAt = clock.now();
  }

  async function run<T>(work: (signal: AbortSignal) => Promise<T>, limits: CallLimit = {}): Promise<T> {
    const limit = millis(Math.min(limits.timeout ?? allowed.limit(), limits.atMost ?? Number.POSITIVE_INFINITY));
    calls += 1;
    const call = calls;
    enter(call, limit, limits.insists === true);
    const started = clock.now();
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Outage(name, "timeout"));
        controller.abort();
      }, limit);
    });
    try {
      const value = await Promise.race([work(controller.signal), late]);
      allowed.answered(millis(clock.now() - started));
      succeeded(call);
      return value;
    } catch (error) {
      const isTimeout = controller.signal.aborted;
      if (isTimeout) allowed.exceeded(limit);
      if (isTimeout || isOutage(error)) failed(call, isTimeout, started);
      else succeeded(call);
      throw error;
    } finally {
      clearTimeout(timer);
      leases.delete(call);
    }
  }

  async function attempt<T, R = never>(
    work: (signal: AbortSignal) => Promise<T>,
    isAway: (error: unknown) => boolean,
    answer?: (error: unknown) => R | undefined,
    limit?: CallLimit,
  ): Promise<T | R | undefined> {
    try {
      return await run(work, limit);
    } catch (error) {
      const answered = answer?.(error);
      if (answered !== undefined || error instanceof Outage || isAway(error)) return answered;
      throw error;
    }
  }

  function state(): GuardState {
    const now = clock.now();
    const roundTrip = allowed.measured();
    const isProbing = openedAt !== undefined && (probe !== undefined || now - openedAt >= halfOpenAfter);
    return {
      name,
      breaker: openedAt === undefined ? "closed" : isProbing ? "half-open" : "open",
      inFlight: [...leases.values()].filter((end) => end > now).length,
      consecutiveFailures: failures,
      ...(roundTrip === undefined ? {} : { roundTrip }),
    };
  }

  return { name, run, attempt, state };
}
