// How patient the product is with each thing it depends on, in one place. All guards are of this isolate.
import { type Clock, millis } from "../../kernel/clock.ts";
import { isAway } from "../database/outage.ts";
import type { Endpoint, Topology } from "../database/topology.ts";
import { type Guard, guard } from "./guard.ts";

export interface Guards {
  guardOf(endpoint: Endpoint): Guard;
  readonly redis: Guard;
  readonly queues: Guard;
  /** Where files are kept: a part is eight mebibytes. */
  readonly blobs: Guard;
  /** The data centre's cache: slower than this it is not worth asking. */
  readonly colo: Guard;
  readonly shield: Guard;
  /** The platform's own rate limits, which answer from the machine that asks. */
  readonly wall: Guard;
  /** Of the names of webhooks. */
  readonly resolver: Guard;
  /** Of drafts. */
  readonly provider: Guard;
}

export function openGuards({ shards }: Topology, clock: Clock): Guards {
  const names = shards.flatMap(({ primary, readers }) => [primary, ...readers]).map(({ name }) => name);
  // More than a second, because computes that scaled to zero wake slowly. One timeout opens the breaker: a dead endpoint costs little.
  const endpoint = {
    timeout: millis(2_000),
    breakAfter: 3,
    halfOpenAfter: millis(1_000),
    bulkhead: 400,
    isOutage: isAway,
  };
  const endpoints = new Map(names.map((name) => [name, guard(name, { ...endpoint, clock })]));
  const redisTimeout = { atLeast: millis(150), times: 3, atMost: millis(800) };
  return {
    guardOf: ({ name }) => endpoints.get(name) as Guard,
    // While it is open answers go by age: one that was late must not make that seconds.
    redis: guard("redis", {
      timeout: redisTimeout,
      breakAfter: 3,
      halfOpenAfter: { first: millis(250), most: millis(5_000) },
      bulkhead: 400,
      clock,
    }),
    colo: guard("colo", {
      timeout: millis(500),
      breakAfter: 5,
      halfOpenAfter: millis(5_000),
      bulkhead: 1_000,
      clock,
    }),
    // Longer than an endpoint is given: a slow reader is not the shield's fault.
    shield: guard("shield", {
      timeout: millis(2_500),
      breakAfter: 3,
      halfOpenAfter: millis(5_000),
      bulkhead: 1_000,
      clock,
    }),
    queues: guard("queues", {
      timeout: millis(2_000),
      breakAfter: 5,
      halfOpenAfter: millis(1_000),
      bulkhead: 200,
      clock,
    }),
    blobs: guard("blobs", {
      timeout: millis(30_000),
      breakAfter: 5,
      halfOpenAfter: millis(2_000),
      bulkhead: 50,
      clock,
    }),
    wall: guard("wall", { timeout: millis(250), breakAfter: 5, halfOpenAfter: millis(1_000), bulkhead: 1_000, clock }),
    // The timeout of each call is configured. Few at a time: an invocation has six connections.
    provider: guard("provider", {
      timeout: millis(50_000),
      breakAfter: 5,
      halfOpenAfter: millis(5_000),
      bulkhead: 20,
      clock,
    }),
    resolver: guard("resolver", {
      timeout: millis(2_000),
      breakAfter: 10,
      halfOpenAfter: millis(2_000),
      bulkhead: 100,
      clock,
    }),
  };
}
