// List prices, and what a million reads come to. The one place where money is written down: check it before quoting a sum.

/** As published in mid 2026, in US dollars, beyond what plans include. */
export const PRICES = {
  asOf: "2026-08",
  /** https://developers.cloudflare.com/workers/platform/pricing/ */
  workersRequestsPerMillion: 0.3,
  workersCpuPerMillionMs: 0.02,
  /** https://developers.cloudflare.com/durable-objects/platform/pricing */
  objectRequestsPerMillion: 0.15,
  /** https://upstash.com/pricing/redis, pay as you go; a global database is charged for each region that it writes to. */
  redisPer100kCommands: 0.2,
  /** https://neon.com/pricing, plan Launch, an hour of one compute unit. */
  neonPerComputeHour: 0.106,
} as const;

/** Neon sells time and not statements: what one compute unit is taken to answer a second. An assumption, and a cautious one. */
export const STATEMENTS_PER_COMPUTE_SECOND = 1_000;

export interface Spending {
  readonly reads: number;
  readonly redisCommands: number;
  readonly statements: number;
  /** Calls of the shield. */
  readonly objectRequests: number;
  /** Processor time of the Worker a read, in milliseconds. */
  readonly cpuMs: number;
}

export interface Bill {
  readonly worker: number;
  readonly shield: number;
  readonly redis: number;
  readonly postgres: number;
  readonly total: number;
}

/** Of a million reads, in US dollars. */
export function billOf({ reads, redisCommands, statements, objectRequests, cpuMs }: Spending): Bill {
  const perMillion = (count: number): number => (count / reads) * 1e6;
  const worker = PRICES.workersRequestsPerMillion + cpuMs * PRICES.workersCpuPerMillionMs;
  const shield = (perMillion(objectRequests) / 1e6) * PRICES.objectRequestsPerMillion;
  const redis = (perMillion(redisCommands) / 1e5) * PRICES.redisPer100kCommands;
  const hours = perMillion(statements) / STATEMENTS_PER_COMPUTE_SECOND / 3600;
  const postgres = hours * PRICES.neonPerComputeHour;
  return { worker, shield, redis, postgres, total: worker + shield + redis + postgres };
}
