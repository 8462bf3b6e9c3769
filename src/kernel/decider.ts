// One aggregate as two pure functions (Chassaing's decider): what may happen, and what then is true.
import type { Fault } from "./fault.ts";
import type { Result } from "./result.ts";

export interface Decider<Command, Event, State> {
  readonly initial: State;
  decide(command: Command, state: State): Result<readonly Event[], Fault>;
  evolve(state: State, event: Event): State;
}
