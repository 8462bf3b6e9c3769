// Builds the Hono app from the route table. Path 404 and method 405 are decided here; the doors do the rest.
import { type Context, Hono } from "hono";
import { fault } from "../kernel/fault.ts";
import { ok } from "../kernel/result.ts";
import { attempt } from "../platform/resilience/attempt.ts";
import { openMeter } from "../platform/telemetry/meter.ts";
import type { RequestEvent } from "../platform/telemetry/request-event.ts";
import { answerRead, answerWrite, notAllowed } from "./answer.ts";
import { answerStream } from "./answer-stream.ts";
import type { Call, Services } from "./call.ts";
import { CORS, isOpen, preflight } from "./cors.ts";
import { answerKept } from "./edge/kept-answer.ts";
import { readParams } from "./input.ts";
import { settleUpload, takeQuery } from "./intake.ts";
import { settle } from "./middleware/admit.ts";
import { refuseFailed, refuseRepeated } from "./middleware/admit-failure.ts";
import { observe } from "./middleware/observe.ts";
import { MAX_BODY } from "./middleware/receive.ts";
import type { Operation } from "./operation.ts";
import { askOperator } from "./operator-door.ts";
import { outage, problemOf } from "./problem.ts";
import { tellLimits } from "./rate-limit.ts";
import type { Route } from "./route.ts";
import { secure } from "./security-headers.ts";
import { askSpace } from "./space-door.ts";

const NOT_FOUND = fault("missing", "not-found", "There is nothing at this path");

export function buildApp(routes: readonly Route[], services: Services): Hono {
  const app = new Hono({ strict: true });
  const byPath = new Map<string, Route[]>();
  for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route]);
  for (const [path, ways] of byPath) {
    for (const route of ways) app.on(route.method, path, (c) => serve(c, route, services));
    app.all(path, (c) => otherMethod(c, ways, services));
  }
  app.notFound((c) => {
    const requestId = services.uuid();
    const response = problemOf(NOT_FOUND, requestId);
    observe(
      services,
      { requestId, method: c.req.method, route: "none", fault: NOT_FOUND.code },
      services.clock.now(),
      response,
    );
    return response;
  });
  return app;
}

function otherMethod(c: Context, ways: readonly Route[], services: Services): Response {
  const open = ways.find(isOpen);
  const allowed = c.req.method === "OPTIONS" && open ? preflight(c.req.raw.headers) : undefined;
  const requestId = services.uuid();
  const response =
    allowed ??
    notAllowed(
      ways.map((way) => way.method),
      requestId,
    );
  response.headers.set("Request-Id", requestId);
  observe(
    services,
    { requestId, method: c.req.method, route: ways[0]?.path ?? "none" },
    services.clock.now(),
    response,
  );
  return response;
}

async function serve(c: Context, route: Route, services: Services): Promise<Response> {
  const call = callOf(c, route, services);
  const response = await answer(call, services, route.operation).catch((error: unknown) => failed(call, error));
  const waited = call.meter.spent();
  if (waited !== undefined) call.event.dbMs = waited;
  settle(call, services, response.status);
  tellLimits(response.headers, call.charge);
  if (call.upload !== undefined) call.defer(attempt(() => settleUpload(call, services.uploads, response.status)));
  if (response.status >= 400) await drain(call.request).catch(() => undefined);
  return observe(services, call.event, call.started, response);
}

async function answer(call: Call, services: Services, operation: Operation): Promise<Response> {
  const again = refuseRepeated(call, services);
  if (again !== undefined) return refused(call, { fault: again });
  if (operation.kind === "plain") {
    // Bad credentials are told even where none are needed: their owner should know.
    const admitted = operation.admits?.(call.request, services.plain) ?? ok("anybody");
    if (!admitted.ok) return refused(call, admitted);
    if (admitted.value === "anybody") {
      const identity = await services.credentials.identify(call.request, call.place, "cached", call);
      if (!identity.ok) return await refusing(call, services, identity);
    }
    const query = takeQuery(call, operation);
    if (!query.ok) return refused(call, query);
    const params = readParams(operation.params, call.pathParams);
    if (params === undefined) return refused(call, { fault: NOT_FOUND });
    const response = await operation.handle(call.request, params, services.plain);
    const own = new Response(response.body, response);
    secure(own.headers);
    own.headers.set("Request-Id", call.requestId);
    return own;
  }
  if (operation.kind === "operator") {
    const asked = await askOperator(call, services, operation);
    if (!asked.ok) return await refusing(call, services, asked);
    return "rendered" in asked.value
      ? answerWrite(call, asked.value)
      : await answerRead(call, asked.value, undefined, services.quickHash);
  }
  const asked = await askSpace(call, services, operation);
  if (!asked.ok) return await refusing(call, services, asked);
  const { answer: given, knowledge } = asked.value;
  call.event.position = given.position;
  if ("kept" in given) return answerKept(call, given, services.clock.now());
  if ("parts" in given) return answerStream(call, services, given);
  return "rendered" in given
    ? answerWrite(call, given)
    : await answerRead(call, given, knowledge.settings, services.quickHash);
}

/** A refused request may still be on its way: proxies give up on a connection whose answer came before its body was taken. Within bounds. */
async function drain(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed || request.body.locked) return;
  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const late = new Promise<undefined>((resolve) => {
    setTimeout(resolve, DRAIN_MS);
  });
  for (let taken = 0; taken < 2 * MAX_BODY; ) {
    const part = await Promise.race([reader.read(), late]);
    if (part === undefined || part.done) return;
    taken += part.value.byteLength;
  }
}

const DRAIN_MS = 1_000;

type Refusal = { readonly fault: Parameters<typeof problemOf>[0] };

/** Credentials that are not valid are charged for having been looked up. */
async function refusing(call: Call, services: Services, { fault: why }: Refusal): Promise<Response> {
  return refused(call, { fault: why.code === "credentials-invalid" ? await refuseFailed(call, services, why) : why });
}

function refused(call: Call, { fault: why }: Refusal): Response {
  call.event.fault = why.code;
  const methods = call.route.operation.kind === "plain" ? undefined : call.route.operation.body?.media.join(", ");
  return problemOf(why, call.requestId, {
    "Meridian-Region": call.colo,
    ...(why.position === undefined && call.event.position !== undefined
      ? { "Meridian-Position": String(call.event.position) }
      : undefined),
    ...(isOpen(call.route) ? CORS : undefined),
    ...(why.code === "unsupported-media-type" && methods ? { Accept: methods } : undefined),
  });
}

/** An outage or a bug: the client gets a fixed sentence, the log gets its name and cause. */
function failed(call: Call, error: unknown): Response {
  const described = error instanceof Error ? error : new Error(String(error));
  call.event.error = `${described.name}: ${described.message}${described.stack ? `\n${described.stack}` : ""}`;
  return outage(error, call.requestId, isOpen(call.route) ? CORS : undefined);
}

interface Cf {
  readonly colo?: string;
  readonly latitude?: string;
  readonly longitude?: string;
  readonly country?: string;
  readonly isEUCountry?: string;
}

function callOf(c: Context, route: Route, services: Services): Call {
  const request = c.req.raw;
  const cf = request.cf as Cf | undefined;
  const requestId = services.uuid();
  const traceparent = request.headers.get("traceparent");
  const event: RequestEvent = { requestId, method: request.method, route: route.path, operation: route.operation.id };
  if (traceparent !== null && TRACEPARENT.test(traceparent)) event.traceparent = traceparent;
  const colo = cf?.colo ?? "dev";
  event.colo = colo;
  const meter = openMeter(services.clock);
  return {
    request,
    query: queryOf(request.url),
    route,
    pathParams: c.req.param() as Record<string, string>,
    requestId,
    started: services.clock.now(),
    place: placeOf(cf),
    country: { code: cf?.country, isInEU: cf?.isEUCountry === "1" },
    colo,
    event,
    meter,
    database: services.database.metered(meter),
    defer: (work) => c.executionCtx.waitUntil(work),
  };
}

/** Taking a whole address apart costs more than everything else that a short read does here. */
function queryOf(url: string): URLSearchParams {
  const mark = url.indexOf("?");
  return new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
}

/** W3C Trace Context, version 00. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

function placeOf(cf: Cf | undefined): Call["place"] {
  const latitude = Number.parseFloat(cf?.latitude ?? "");
  const longitude = Number.parseFloat(cf?.longitude ?? "");
  return Number.isFinite(latitude) && Number.isFinite(longitude) ? { latitude, longitude } : undefined;
}
