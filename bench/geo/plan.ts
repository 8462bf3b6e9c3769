// What the traffic of one contender is told, and what it brings back.
import type { Lag } from "./child.ts";

export interface RegionPlan {
  readonly name: string;
  /** Readers of the region ask here; `{space}` and `{id}` are replaced. */
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Editors of the region write here. */
  readonly editors: number;
  readonly editorsHeaders: Readonly<Record<string, string>>;
}

export interface TrafficPlan {
  readonly regions: readonly RegionPlan[];
  readonly spaces: readonly { readonly id: string; readonly key: string }[];
  /** Entries a space: the last `probes` of them are left to the probes. */
  readonly entries: number;
  readonly probes: number;
  /** This many of the most popular entries are read in every region before it begins. */
  readonly warm: number;
  readonly seconds: number;
  /** Requests a second over all regions, without what probes ask. */
  readonly rate: number;
  readonly seed: number;
  /** Share of what begins that is a publication, and of reads that ask for what their region last wrote. */
  readonly writes: number;
  readonly atLeast: number;
  /** Whether answers have a `Meridian-Position` and understand `Meridian-At-Least`. */
  readonly hasPositions: boolean;
  /** How long probes look for a new version before they give up. */
  readonly patienceMs: number;
  /** First readers of idle keys come up to this long after the publication. */
  readonly idleMs: number;
  /** Makes what this run publishes different from what others did. */
  readonly edition: number;
}

export type Kind = "hit" | "miss" | "own" | "write";

export interface Sample {
  readonly region: string;
  readonly kind: Kind;
  /** From when it was due to when all of the answer had come. */
  readonly ms: number;
}

export interface Visible {
  readonly region: string;
  /** Milliseconds after the publication was acknowledged: when the first new answer had been asked for, and the last old one. */
  readonly firstNew: number | undefined;
  readonly lastOld: number;
}

export interface FirstReader {
  readonly region: string;
  /** Milliseconds after the publication was acknowledged. */
  readonly after: number;
  readonly isOld: boolean;
}

export interface Traffic {
  readonly samples: readonly Sample[];
  readonly watched: readonly Visible[];
  readonly firstReaders: readonly FirstReader[];
  readonly judged: {
    /** Answers to requests with `Meridian-At-Least`, and those that were older than it. */
    readonly atLeast: number;
    readonly older: number;
    /** 503s to them: allowed by the contract, and not hidden. */
    readonly notReached: number;
  };
  /** Of all answers about entries that were published meanwhile: how long a newer version had been acknowledged. */
  readonly staleness: readonly number[];
  /** The first answers that were too old by more than LATE_MS, each in a line. */
  readonly late: readonly string[];
  readonly failures: Readonly<Record<string, number>>;
  readonly lag: Lag;
  readonly perSecond: number;
}
