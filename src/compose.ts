// The one place that knows what is rented: configuration and bindings become ports, ports become the app and the jobs.
import { bellQueue, type QueueBinding } from "./adapters/cloudflare/bell-queue.ts";
import { dataCentre } from "./adapters/cloudflare/colo.ts";
import { letterQueues } from "./adapters/cloudflare/letter-queues.ts";
import { rateLimitWalls, type WallBindings } from "./adapters/cloudflare/rate-limit-walls.ts";
import { shieldObject, shieldTier } from "./adapters/cloudflare/shield.ts";
import { tagHash } from "./adapters/cloudflare/tag-hash.ts";
import { type BatchQueue, queueWaker } from "./adapters/cloudflare/waker.ts";
import { fetchCourier } from "./adapters/courier/fetch-courier.ts";
import { dnsOverHttps } from "./adapters/dns/dns-over-https.ts";
import { addresses } from "./adapters/ipaddr/addresses.ts";
import { schemaEngine } from "./adapters/json-schema/schema-engine.ts";
import { neonClient } from "./adapters/neon/sql-client.ts";
import { messageSigner } from "./adapters/standard-webhooks/message-signer.ts";
import { digestStore } from "./adapters/upstash/digest-store.ts";
import { dirtySet } from "./adapters/upstash/dirty-set.ts";
import { exactCounter } from "./adapters/upstash/exact-counter.ts";
import { connectRedis } from "./adapters/upstash/redis.ts";
import { addSpending } from "./adapters/upstash/spending-counter.ts";
import { hmacSigner } from "./adapters/webcrypto/hmac-signer.ts";
import { keyedHash } from "./adapters/webcrypto/keyed-hash.ts";
import { webSealer } from "./adapters/webcrypto/sealer.ts";
import { webSecrets } from "./adapters/webcrypto/secrets.ts";
import { type Environment, readConfig } from "./config.ts";
import { hashOf } from "./contexts/tenancy/tenancy.ts";
import { destinations } from "./contexts/webhooks/webhooks.ts";
import type { Services } from "./http/call.ts";
import { openContentEdge } from "./http/edge/open-content-edge.ts";
import type { Keyed } from "./http/edge/question.ts";
import { buildApp } from "./http/http.ts";
import { knowledgeCache } from "./http/knowledge.ts";
import { credentialsOf } from "./http/middleware/identify.ts";
import { openapiOf } from "./http/openapi.ts";
import { renderOutcome } from "./http/render-outcome.ts";
import { ROUTES } from "./http/routes.ts";
import { afterwards } from "./jobs/afterwards.ts";
import { openChores } from "./jobs/chores.ts";
import { openJobs, type QueueBatch } from "./jobs/jobs.ts";
import { keepHouse } from "./jobs/keep-house.ts";
import { REACTIONS } from "./jobs/reactions.ts";
import { type Clock, instant, seconds } from "./kernel/clock.ts";
import { spaceUid } from "./kernel/id.ts";
import type { JsonObject } from "./kernel/json.ts";
import { openAdmission } from "./platform/admission/admission.ts";
import { spendingReporter } from "./platform/admission/spending-reporter.ts";
import { openDatabase } from "./platform/database/open-database.ts";
import { forgetExpired } from "./platform/event-log/forget-expired.ts";
import { type Announcer, openWriter } from "./platform/event-log/open-writer.ts";
import { openDigest } from "./platform/freshness/digest.ts";
import { openFreshness } from "./platform/freshness/memo.ts";
import { coalescedBells } from "./platform/relay/bell.ts";
import { openDeadLetters } from "./platform/relay/dead-letters.ts";
import { eventSource } from "./platform/relay/event-source.ts";
import { followers } from "./platform/relay/followers.ts";
import { type Marked, openRelay, type Report } from "./platform/relay/relay.ts";
import { spaceCalls } from "./platform/relay/space-calls.ts";
import { subscriberLog } from "./platform/relay/subscriber-log.ts";
import { openGuards } from "./platform/resilience/guards.ts";
import { healthProbe } from "./platform/telemetry/health.ts";
import { requestLog } from "./platform/telemetry/log-line.ts";

export interface Bindings extends WallBindings {
  readonly CHANGES: QueueBinding;
  readonly SHIELD: Parameters<typeof shieldTier<Keyed>>[0];
  readonly DELIVERIES: BatchQueue;
  readonly WORK: QueueBinding;
  readonly DEAD_LETTERS: QueueBinding;
  readonly ASSETS: { fetch(request: Request): Promise<Response> };
  readonly VERSION: { readonly id: string };
}

export interface Meridian {
  /** The Durable Object's class. */
  readonly Shield: ReturnType<typeof shieldObject<Keyed>>;
  fetch(request: Request, context: ExecutionContext): Response | Promise<Response>;
  queue(batch: QueueBatch, context: Pick<ExecutionContext, "waitUntil">): Promise<void>;
  scheduled(at: number): Promise<void>;
}

export function compose(env: Environment & Bindings): Meridian {
  const config = readConfig(env);
  const { topology } = config;
  const clock: Clock = { now: () => instant(Date.now()) };
  const random = Math.random;
  const uuid = (): string => crypto.randomUUID();
  const report: Report = (event, facts) => console.log(JSON.stringify({ event, ...facts }));

  const guards = openGuards(topology, clock);
  const { guardOf } = guards;
  const client = neonClient(config.neonFetchEndpoint);
  const redis = connectRedis({ url: config.redisUrl, token: config.redisToken, guard: guards.redis });
  const database = openDatabase({ topology, client, guardOf });
  const digest = openDigest({ store: digestStore(redis), hash: tagHash(config.secret), random });
  const bells = coalescedBells(bellQueue(env.CHANGES, guards.queues), clock);
  const colo = dataCentre(guards.colo);
  const sleep = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));
  const walls = rateLimitWalls(env, guards.wall);
  const admission = openAdmission({ counter: exactCounter(redis), walls, clock });
  const reportSpending = spendingReporter(admission.reads, (reports) => addSpending(redis, reports));
  const freshness = openFreshness({
    digest,
    spending: admission.reads,
    clock,
    shared: colo.pages,
    isAway: () => guards.redis.state().breaker !== "closed",
    sleep,
    ring: (space, position) =>
      bells.ringLater(
        { uid: space.uid, epoch: space.epoch, residency: space.residency, position },
        { delay: seconds(0) },
      ),
  });
  const shards = { topology, client, guardOf };
  const relayParts = {
    digest,
    events: eventSource(shards),
    dirty: dirtySet(redis),
    bells,
    freshness,
    clock,
    random,
    report,
  };
  const relay = openRelay(relayParts);
  const writerParts = { client, sealer: webSealer(config.secret), primaryOf: database.primaryOf, guardOf, uuid };
  const announcer = (defer: (work: Promise<unknown>) => void, marked?: Marked): Announcer => ({
    async beforeCommit(space) {
      const { seen } = await relay.beforeCommit(space, marked);
      const head = freshness.memo(space).view?.head;
      // The commit returns what is missing from either: from the digest, and from what this isolate knows of it.
      return { seen: seen !== undefined && head !== undefined && head < seen ? head : seen };
    },
    afterUnknown: (space) => defer(relay.afterUnknown(space)),
    async afterCommit(space, commit) {
      await relay.hear(space, commit);
      defer(relay.afterCommit(space, commit));
    },
  });

  const judge = destinations(
    { addresses, resolver: dnsOverHttps(config.resolverUrl, guards.resolver) },
    config.development,
  );
  const waker = queueWaker({ deliveries: env.DELIVERIES, work: env.WORK }, guards.queues, report);
  const letters = letterQueues(
    { changes: env.CHANGES, deliveries: env.DELIVERIES, work: env.WORK, "dead-letters": env.DEAD_LETTERS },
    guards.queues,
  );
  const deadLetters = openDeadLetters(shards);
  const { tools, rouses } = afterwards({
    ...relayParts,
    log: subscriberLog(shards),
    call: spaceCalls(shards),
    deadLetters,
    waker,
    destinations: judge,
    vault: writerParts.sealer,
    signer: messageSigner,
    courier: fetchCourier,
    uuid,
    digestLag: seconds(config.redisLagSeconds),
    keptUnasked: seconds(Math.max(...ROUTES.map(({ kept }) => (kept.kind === "fresh" ? kept.fresh : 0)))),
    readerOf: (space) => database.reader({ space, from: "primary", caller: "job" }),
    openWriter: (defer, binding) => openWriter({ ...writerParts, announcer: announcer(defer) }, binding),
    render: (outcome) => renderOutcome(outcome, undefined),
  });

  const pingRedis = () => digest.heads([{ uid: spaceUid(0), epoch: 0 }]);
  let document: JsonObject | undefined;
  const spent: Services["spent"] = (account, space, now, defer) =>
    account.isUrgent(now) ? defer(reportSpending(space)) : freshness.refreshBehind(freshness.memo(space), now, defer);
  const knowledge = knowledgeCache(database, clock);
  const signer = hmacSigner(config.secret);
  const log = requestLog(config.logSample, random, console.log);
  const { origin, edge, hot } = openContentEdge(ROUTES, {
    ...{ database, knowledge, signer, clock, digest, freshness, sleep, uuid, log, random, admission, spent },
    colo: colo.answers,
    shield: shieldTier(env.SHIELD, guards.shield),
    isSampled: () => config.logSample > 0 && random() < config.logSample,
    // Only there do requests of one isolate come from everywhere.
    ...(config.development ? { coloOf: (request: Request) => (request.cf?.colo as string | undefined) ?? "dev" } : {}),
  });
  const services: Services = {
    database,
    knowledge,
    freshness,
    edge,
    hot,
    credentials: credentialsOf({ database, rootKey: config.rootKey, secrets: webSecrets, clock, freshness }),
    signer,
    schemas: schemaEngine(),
    secrets: webSecrets,
    clock,
    uuid,
    random,
    residencies: topology.shards.map((shard) => shard.residency),
    homeResidency: topology.shards.find((shard) => shard.name === topology.home)?.residency ?? "",
    markClaim: relay.beforeClaim,
    openWriter: (call, binding) =>
      openWriter({ ...writerParts, meter: call.meter, announcer: announcer(call.defer, call.marked) }, binding),
    admission,
    markingOf: relay.markingOf,
    hashAddress: keyedHash(config.secret, "meridian addresses"),
    spent,
    webhooks: { destinations: judge, vault: writerParts.sealer, waker },
    deadLetters: { letters: deadLetters, send: letters.send, ring: relayParts.bells.ring },
    sha256: (text) => hashOf(webSecrets, text),
    log,
    plain: {
      // The host only completes the address: the binding looks at the path alone.
      assets: (file) => env.ASSETS.fetch(new Request(`https://assets.invalid/docs/${file}`)),
      health: healthProbe({
        topology,
        client,
        clock,
        guardOf,
        redis: guards.redis,
        queues: guards.queues,
        shield: guards.shield,
        isColoThere: colo.isThere,
        pingRedis,
        version: env.VERSION.id,
      }),
      openapi: () => (document ??= openapiOf(ROUTES, { version: "1" })),
    },
  };

  const chores = openChores({
    sweep: { ...relayParts, followers: followers({ ...shards, clock, report }, rouses) },
    database,
    residencies: services.residencies,
    secrets: webSecrets,
    openWriter: (defer, binding) => openWriter({ ...writerParts, announcer: announcer(defer) }, binding),
    render: (outcome) => renderOutcome(outcome, undefined),
    forgetExpired: () => forgetExpired(topology, client, ["forget_expired", "forget_deliveries"]),
  });
  const consume = openJobs({ tools, reactions: REACTIONS, report, giveUp: letters.giveUp });
  const app = buildApp(ROUTES, services);
  return {
    Shield: shieldObject(origin, clock),
    fetch: (request, context) =>
      hot.answer(request, (work) => context.waitUntil(work)) ?? app.fetch(request, env, context),
    queue: (batch, context) => consume(batch, (work) => context.waitUntil(work)),
    scheduled: (at) => keepHouse(instant(at), chores, report),
  };
}
