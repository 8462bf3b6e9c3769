// A client of the stack's control server: what was counted, what goes wrong, what lags.
import type { Fault, Modes } from "../../local/conditions.ts";
import type { RedisTally, Tally } from "../../local/counters.ts";

export type Counts = { readonly postgres: Readonly<Record<string, Tally>>; readonly redis: RedisTally };
export type CountsByCaller = {
  readonly postgres: Readonly<Record<string, Readonly<Record<string, Tally>>>>;
  readonly redis: RedisTally;
};

export type Control = {
  counters(): Promise<Counts>;
  countersByCaller(): Promise<CountsByCaller>;
  resetCounters(): Promise<void>;
  fault(node: string, fault: Fault): Promise<void>;
  /** Lifts the fault of one node, or all. */
  heal(node?: string): Promise<void>;
  /** Holds a reader back at what it has replayed, or lets it go on. */
  replay(reader: string, paused: boolean): Promise<void>;
  /** Whether anybody rings the cron of the stack's own Worker. */
  cron(paused: boolean): Promise<void>;
  modes(modes: Partial<Modes>): Promise<void>;
  /** Heals every node, resumes every reader, and sets every mode to what it was at the start. For afterEach. */
  restore(): Promise<void>;
};

const READERS = ["us-fra", "us-sin", "eu-ams"];

export function openControl(url: string): Control {
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const tell = async (method: string, path: string, body?: unknown): Promise<void> => {
    await ask(method, path, body);
  };
  const replay = (reader: string, paused: boolean): Promise<void> => tell("PUT", `/replay/${reader}`, { paused });
  return {
    counters: async () => (await ask("GET", "/counters")) as Counts,
    countersByCaller: async () => (await ask("GET", "/counters?by=caller")) as CountsByCaller,
    resetCounters: () => tell("DELETE", "/counters"),
    fault: (node, fault) => tell("PUT", `/faults/${node}`, fault),
    heal: (node) => tell("DELETE", node === undefined ? "/faults" : `/faults/${node}`),
    replay,
    cron: (paused) => tell("PUT", "/cron", { paused }),
    modes: (modes) => tell("PUT", "/modes", modes),
    async restore() {
      await tell("DELETE", "/faults");
      await tell("DELETE", "/modes");
      for (const reader of READERS) await replay(reader, false);
    },
  };
}
