// Counts what reached each node. The Worker's SQL budgets are proved with these numbers.

export type Tally = { requests: number; statements: number };
export type RedisTally = { requests: number; commands: number };

export type Counters = {
  postgres(node: string, caller: string, statements: readonly string[]): void;
  redis(commands: number): void;
  total(): { postgres: Record<string, Tally>; redis: RedisTally };
  byCaller(): { postgres: Record<string, Record<string, Tally>>; redis: RedisTally };
  reset(): void;
};

/** Opening, closing and binding are part of every request; they answer nothing. */
const UNCOUNTED =
  /^\s*(begin\b|commit\b|rollback\b|start transaction\b|set\b|select \* from bind_space\(|select (pg_catalog\.)?set_config\()/i;

export function createCounters(nodes: readonly string[]): Counters {
  const postgres = new Map<string, Map<string, Tally>>();
  const redis: RedisTally = { requests: 0, commands: 0 };
  const reset = (): void => {
    for (const node of nodes) postgres.set(node, new Map());
    redis.requests = 0;
    redis.commands = 0;
  };
  reset();

  return {
    reset,
    postgres(node, caller, statements) {
      const callers = postgres.get(node);
      if (callers === undefined) return;
      let tally = callers.get(caller);
      if (tally === undefined) {
        tally = { requests: 0, statements: 0 };
        callers.set(caller, tally);
      }
      tally.requests += 1;
      for (const text of statements) if (!UNCOUNTED.test(text)) tally.statements += 1;
    },
    redis(commands) {
      redis.requests += 1;
      redis.commands += commands;
    },
    total() {
      const sum: Record<string, Tally> = {};
      for (const [node, callers] of postgres) {
        const all: Tally = { requests: 0, statements: 0 };
        for (const tally of callers.values()) {
          all.requests += tally.requests;
          all.statements += tally.statements;
        }
        sum[node] = all;
      }
      return { postgres: sum, redis: { ...redis } };
    },
    byCaller() {
      const split: Record<string, Record<string, Tally>> = {};
      for (const [node, callers] of postgres) split[node] = structuredClone(Object.fromEntries(callers));
      return { postgres: split, redis: { ...redis } };
    },
  };
}
