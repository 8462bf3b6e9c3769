// The one place that knows what is rented: configuration and bindings become ports, ports become the app and the jobs.
import { runningHash } from "./adapters/cloudflare/running-hash.ts";
import { shieldObject } from "./adapters/cloudflare/shield.ts";
import { fetchCourier } from "./adapters/courier/fetch-courier.ts";
import { dnsOverHttps } from "./adapters/dns/dns-over-https.ts";
import { addresses } from "./adapters/ipaddr/addresses.ts";
import { schemaEngine } from "./adapters/json-schema/schema-engine.ts";
import { readMarkdown } from "./adapters/markdown/read-markdown.ts";
import { quickHash } from "./adapters/noble-hashes/quick-hash.ts";
import { english } from "./adapters/readability/english.ts";
import { messageSigner } from "./adapters/standard-webhooks/message-signer.ts";
import { hmacSigner } from "./adapters/webcrypto/hmac-signer.ts";
import { keyedHash } from "./adapters/webcrypto/keyed-hash.ts";
import { webSecrets } from "./adapters/webcrypto/secrets.ts";
import { type Bindings, rent } from "./compose/rented.ts";
import { openWriting } from "./compose/writing.ts";
import { type Environment, readConfig } from "./config.ts";
import { hashOf } from "./contexts/tenancy/tenancy.ts";
import { openReceiving } from "./contexts/transfer/transfer.ts";
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
import { readImportLine } from "./http/transfer/import-line.ts";
import { afterwards } from "./jobs/afterwards.ts";
import { openChores } from "./jobs/chores.ts";
import { openJobs, type QueueBatch } from "./jobs/jobs.ts";
import { keepHouse } from "./jobs/keep-house.ts";
import { REACTIONS } from "./jobs/reactions.ts";
import { instant, seconds } from "./kernel/clock.ts";
import { spaceUid } from "./kernel/id.ts";
import type { JsonObject } from "./kernel/json.ts";
import type { SpaceRef } from "./kernel/scope.ts";
import type { Reader } from "./platform/database/database.ts";
import type { Outcome } from "./platform/event-log/commit.ts";
import { forgetExpired } from "./platform/event-log/forget-expired.ts";
import { openDeadLetters } from "./platform/relay/dead-letters.ts";
import { followers } from "./platform/relay/followers.ts";
import { spaceCalls } from "./platform/relay/space-calls.ts";
import { subscriberLog } from "./platform/relay/subscriber-log.ts";
import { healthProbe } from "./platform/telemetry/health.ts";
import { requestLog } from "./platform/telemetry/log-line.ts";
import { metricsProbe } from "./platform/telemetry/metrics.ts";

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
  const rented = rent(env, config);
  const { clock, random, uuid, sleep, report, guards, shards, database, digest, freshness, admission } = rented;
  const { relay, relayParts, sealer, writerFor, announcer } = openWriting(rented, config);
  const schemas = schemaEngine();
  const render = (outcome: Outcome) => renderOutcome(outcome, undefined);

  const readerOf = (space: SpaceRef): Reader => database.reader({ space, from: "primary", caller: "job" });
  const resolver = dnsOverHttps(config.resolverUrl, guards.resolver);
  const judge = destinations({ addresses, resolver }, config.development);
  const deadLetters = openDeadLetters(shards);
  const { tools, rouses, subscribers } = afterwards({
    ...relayParts,
    ...{ deadLetters, uuid, render, openWriter: writerFor },
    log: subscriberLog(shards),
    call: spaceCalls(shards),
    waker: rented.waker,
    jobWaker: rented.jobWaker,
    insightBells: rented.insightBells,
    imports: {
      ...{ blobs: rented.blobs, schemas, announcer, sleep, readLine: readImportLine },
      isBusy: rented.isBusy,
    },
    destinations: judge,
    vault: sealer,
    signer: messageSigner,
    courier: fetchCourier,
    drafting: { provider: rented.provider, schemas },
    analyse: { readMarkdown, english, pause: () => sleep(0) },
    digestLag: seconds(config.redisLagSeconds),
    keptUnasked: seconds(Math.max(...ROUTES.map(({ kept }) => (kept.kind === "fresh" ? kept.fresh : 0)))),
    readerOf,
  });

  const knowledge = knowledgeCache(database, clock);
  const signer = hmacSigner(config.secret);
  const log = requestLog(config.logSample, random, console.log);
  const spent: Services["spent"] = (account, space, now, defer) =>
    account.isUrgent(now)
      ? defer(rented.reportSpending(space))
      : freshness.refreshBehind(freshness.memo(space), now, defer);
  const { origin, edge, hot } = openContentEdge(ROUTES, {
    ...{ database, knowledge, signer, clock, digest, freshness, sleep, uuid, log, random, admission, spent },
    quickHash,
    colo: rented.colo.answers,
    shield: rented.shield,
    isSampled: () => config.logSample > 0 && random() < config.logSample,
    // Only there do requests of one isolate come from everywhere.
    ...(config.development ? { coloOf: (request: Request) => (request.cf?.colo as string | undefined) ?? "dev" } : {}),
  });
  let document: JsonObject | undefined;
  const services: Services = {
    ...{ database, knowledge, freshness, edge, hot, signer, clock, uuid, random, admission, spent, log },
    credentials: credentialsOf({ database, rootKey: config.rootKey, secrets: webSecrets, clock, freshness }),
    schemas,
    generation: rented.provider,
    secrets: webSecrets,
    residencies: topology.shards.map((shard) => shard.residency),
    homeResidency: topology.shards.find((shard) => shard.name === topology.home)?.residency ?? "",
    markClaim: relay.beforeClaim,
    markingOf: relay.markingOf,
    openWriter: (call, binding) => writerFor(call.defer, binding, call),
    hashAddress: keyedHash(config.secret, "meridian addresses"),
    webhooks: { destinations: judge, vault: sealer, waker: rented.waker },
    jobs: { waker: rented.jobWaker },
    uploads: openReceiving({ blobs: rented.blobs, clock, secrets: webSecrets, hash: runningHash, readerOf }),
    deadLetters: { letters: deadLetters, send: rented.letters.send, ring: rented.bells.ring },
    quickHash,
    sha256: (text) => hashOf(webSecrets, text),
    plain: {
      // The host only completes the address: the binding looks at the path alone.
      assets: (file) => env.ASSETS.fetch(new Request(`https://assets.invalid/docs/${file}`)),
      health: healthProbe({
        ...{ ...shards, ...guards, clock },
        isColoThere: rented.colo.isThere,
        pingShield: rented.pingShield,
        pingRedis: () => digest.heads([{ uid: spaceUid(0), epoch: 0 }]),
        version: env.VERSION.id,
      }),
      metrics: {
        token: config.metricsToken,
        isOpen: config.development,
        scrape: metricsProbe({ ...shards, clock, sleep, dirty: rented.dirty, subscribers, version: env.VERSION.id }),
      },
      openapi: () => (document ??= openapiOf(ROUTES, { version: "1" })),
    },
  };

  const chores = openChores({
    ...{ database, render, openWriter: writerFor, residencies: services.residencies, secrets: webSecrets },
    sweep: { ...relayParts, followers: followers({ ...shards, clock, report }, rouses) },
    forgetExpired: () => forgetExpired(topology, shards.client, ["forget_expired", "forget_deliveries", "forget_jobs"]),
  });
  const consume = openJobs({ tools, reactions: REACTIONS, report, giveUp: rented.letters.giveUp });
  const app = buildApp(ROUTES, services);
  return {
    Shield: shieldObject(origin, clock),
    fetch: (request, context) =>
      hot.answer(request, (work) => context.waitUntil(work)) ?? app.fetch(request, env, context),
    queue: (batch, context) => consume(batch, (work) => context.waitUntil(work)),
    scheduled: (at) => keepHouse(instant(at), chores, report),
  };
}
