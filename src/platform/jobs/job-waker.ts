// Messages about jobs: they wake, and say nothing that the rows do not. A lost one costs a minute.
import type { SpaceAddress } from "../relay/dirty-set.ts";

export interface JobWake {
  readonly kind: string;
  readonly id: string;
  /** Seconds; at once when absent. */
  readonly delay?: number;
}

export interface JobWaker {
  /** Never throws: what is not sent, the sweep sends. */
  jobs(space: SpaceAddress, wakes: readonly JobWake[]): Promise<void>;
}
