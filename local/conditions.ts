// What is wrong today: the faults of each node and the modes in which production differs from a laptop.
import { pause } from "./ports.ts";

export type FaultMode = "down" | "error" | "hang" | "latency" | "kill";

export type Fault = {
  readonly mode: FaultMode;
  /** latency: how long to hold each request, in milliseconds. */
  readonly ms?: number;
  /** The share of requests that it strikes, 0 to 1; spread evenly, without chance. */
  readonly rate?: number;
  /** error and hang: strike after the request was carried out, so that only its answer is lost. */
  readonly after?: boolean;
};

export type Modes = {
  /** Added to every Redis request. */
  redisLatencyMs: number;
  /** Redis reads are answered from a copy up to this old. 0: no copy. */
  redisStaleReadsMs: number;
  /** What the first request to a Postgres node waits after `idleMs` without one. */
  coldStartMs: number;
  idleMs: number;
  /** Requests and answers above this are refused, as Neon and Upstash do. 0: no bound. */
  maxBodyBytes: number;
  /** Sessions keep what the last request left in them. */
  uncleanSessions: boolean;
};

export const DEFAULT_MODES: Readonly<Modes> = {
  redisLatencyMs: 0,
  redisStaleReadsMs: 0,
  coldStartMs: 0,
  idleMs: 5000,
  maxBodyBytes: 8 * 1024 * 1024,
  uncleanSessions: false,
};

export type Strike = { readonly mode: "down" | "error" | "hang"; readonly after: boolean };

type Active = { readonly fault: Fault; charge: number; readonly lifted: AbortController };

export type Conditions = {
  readonly modes: Modes;
  /** Paused: nobody rings the Worker's cron. */
  readonly cron: { isPaused: boolean };
  readonly faults: ReadonlyMap<string, Active>;
  setFault(node: string, fault: Fault): void;
  /** Requests that hang are cut off when their fault is lifted. */
  clearFault(node: string): void;
  /** Waits out latency and cold starts, and says whether this request is struck. Synchronous when all is well. */
  meet(node: string): Strike | undefined | Promise<Strike | undefined>;
  /** Ends when the fault that makes `node` hang is lifted. */
  whileHanging(node: string): Promise<void>;
};

export function createConditions(): Conditions {
  const modes: Modes = { ...DEFAULT_MODES };
  const faults = new Map<string, Active>();
  const lastUse = new Map<string, number>();

  const wake = async (node: string): Promise<void> => {
    const now = performance.now();
    const asleep = now - (lastUse.get(node) ?? Number.NEGATIVE_INFINITY) > modes.idleMs;
    lastUse.set(node, now);
    if (asleep) await pause(modes.coldStartMs);
  };
  const strikeOf = async (active: Active): Promise<Strike | undefined> => {
    const { mode, ms = 0, rate = 1, after = false } = active.fault;
    active.charge += rate;
    if (active.charge < 1) return undefined;
    active.charge -= 1;
    if (mode === "latency") {
      await pause(ms);
      return undefined;
    }
    return { mode: mode === "kill" ? "down" : mode, after };
  };

  return {
    modes,
    cron: { isPaused: false },
    faults,
    setFault(node, fault) {
      faults.get(node)?.lifted.abort();
      faults.set(node, { fault, charge: 0, lifted: new AbortController() });
    },
    clearFault(node) {
      faults.get(node)?.lifted.abort();
      faults.delete(node);
    },
    meet(node) {
      const active = faults.get(node);
      const mayBeCold = modes.coldStartMs > 0 && node !== "redis";
      if (active === undefined) return mayBeCold ? wake(node).then(() => undefined) : undefined;
      return (mayBeCold ? wake(node) : Promise.resolve()).then(() => strikeOf(active));
    },
    async whileHanging(node) {
      const lifted = faults.get(node)?.lifted.signal;
      if (lifted === undefined || lifted.aborted) return;
      await new Promise<void>((resolve) => lifted.addEventListener("abort", () => resolve(), { once: true }));
    },
  };
}
