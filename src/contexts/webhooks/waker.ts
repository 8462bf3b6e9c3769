// Messages about deliveries and replays: they wake, and say nothing that the rows do not. A lost one costs a minute.
import type { SpaceAddress } from "../../platform/relay/dirty-set.ts";

export interface Wake {
  readonly id: string;
  /** Seconds. */
  readonly delay: number;
}

/** Neither throws: what is not sent, the sweep sends. */
export interface Waker {
  deliveries(space: SpaceAddress, wakes: readonly Wake[]): Promise<void>;
  replay(space: SpaceAddress, id: string): Promise<void>;
}
