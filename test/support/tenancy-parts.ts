// Tenancy's use cases on the stack's Postgres without a Worker in front: what each is given, and calls that end half-way.
import { neonClient } from "../../src/adapters/neon/sql-client.ts";
import { webSealer } from "../../src/adapters/webcrypto/sealer.ts";
import { webSecrets } from "../../src/adapters/webcrypto/secrets.ts";
import { hashOf, type Registry, type Secrets } from "../../src/contexts/tenancy/tenancy.ts";
import { renderOutcome } from "../../src/http/render-outcome.ts";
import { type Clock, instant, millis } from "../../src/kernel/clock.ts";
import type { Fault } from "../../src/kernel/fault.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import type { Result } from "../../src/kernel/result.ts";
import type { Actor, Scope, SpaceRef } from "../../src/kernel/scope.ts";
import type { Reader, SqlClient } from "../../src/platform/database/database.ts";
import { openDatabase } from "../../src/platform/database/open-database.ts";
import { DatabaseUnavailable, isAway } from "../../src/platform/database/outage.ts";
import type { Endpoint } from "../../src/platform/database/topology.ts";
import { type Idempotency, openWriter } from "../../src/platform/event-log/open-writer.ts";
import type { Writer, Written } from "../../src/platform/event-log/writer.ts";
import { type Guard, guard } from "../../src/platform/resilience/guard.ts";
import type { StackAddresses } from "./stack.ts";

/** The calls that a creation consists of, by the function that each is to Postgres. */
export type Step = "claim_space" | "commit_write" | "activate_space";

export interface Request {
  /** `Idempotency-Key`. */
  readonly key?: string;
  /** What the request says, for its fingerprint. */
  readonly says?: string;
  readonly actor?: Actor;
  /** Ends the request, as a crash does, when it would begin this step. */
  readonly crashBefore?: Step;
  /** This step is done and its first answer never arrives. */
  readonly losesAnswerOf?: Step;
}

/** What the writer of a space's own keys is bound to. */
export interface KeyData {
  readonly writer: Writer;
  readonly reader: Reader;
  readonly secrets: Secrets;
}

export const SERVER_SECRET = "the server's secret";
const clock: Clock = { now: () => instant(Date.now()) };
/** A busy machine is no outage: nothing here waits for a time to run out. */
const PATIENCE = millis(20_000);

export function openTenancy({ topology, neon }: StackAddresses) {
  const plain = neonClient(neon.endpoint);
  const residencies = topology.shards.map(({ residency }) => residency);
  const guards = new Map<string, Guard>();

  function guardOf({ name }: Endpoint): Guard {
    const known = guards.get(name);
    if (known) return known;
    const made = guard(name, {
      timeout: PATIENCE,
      breakAfter: 1_000,
      halfOpenAfter: millis(1),
      bulkhead: 1_000,
      clock,
      isOutage: isAway,
    });
    // Callers' own, shorter limits are left out.
    const patient: Guard = {
      ...made,
      attempt: (work, away, answer, limit) =>
        made.attempt(work, away, answer, limit?.insists === undefined ? {} : { insists: limit.insists }),
    };
    guards.set(name, patient);
    return patient;
  }

  function clientOf({ crashBefore, losesAnswerOf }: Request): SqlClient {
    let lost = 0;
    return {
      ...plain,
      async call(endpoint, statement, options) {
        if (crashBefore !== undefined && statement.text.includes(crashBefore))
          throw new Error(`The request ended before ${crashBefore}`);
        const rows = await plain.call(endpoint, statement, options);
        if (losesAnswerOf === undefined || !statement.text.includes(losesAnswerOf) || lost > 0) return rows;
        lost += 1;
        throw new DatabaseUnavailable(`${endpoint.name} did not answer`);
      },
    };
  }

  async function open(request: Request) {
    const client = clientOf(request);
    const database = openDatabase({ topology, client, guardOf });
    const idempotency = await idempotencyOf(request);
    const readerOf = (space: SpaceRef): Reader => database.reader({ space, from: "primary", caller: "request" });
    const writerOf = (space: SpaceRef, rendersIn: SpaceRef | undefined): Writer =>
      openWriter(
        {
          client,
          sealer: webSealer(SERVER_SECRET),
          primaryOf: database.primaryOf,
          guardOf,
          uuid: () => crypto.randomUUID(),
          announcer: {
            beforeCommit: async () => ({ seen: undefined }),
            afterUnknown: () => undefined,
            afterCommit: async () => {},
          },
        },
        {
          space,
          known: undefined,
          caller: "request",
          meta: { actor: "root", requestId: "test" },
          idempotency,
          render: (outcome) => renderOutcome(outcome, rendersIn),
          load: (statements) => readerOf(space).read(statements),
        },
      );
    return { database, idempotency, readerOf, writerOf };
  }

  function scopeOf<Data>(space: SpaceRef, { actor = { type: "root" } }: Request, data: Data): Scope<Data> {
    return { space, actor, requestId: "test", clock, data };
  }

  return {
    clock,
    secrets: webSecrets,
    /** For operators: no space is bound. */
    async registry(request: Request = {}): Promise<Scope<Registry>> {
      const { database, idempotency, readerOf, writerOf } = await open(request);
      const home = { id: "", uid: spaceUid(0), epoch: 0, residency: residencies[0] as string };
      return scopeOf(home, request, {
        home: database.home,
        markClaim: async () => undefined,
        secrets: webSecrets,
        residencies,
        readerOf,
        writerOf: (space) => writerOf(space, undefined),
        ...(idempotency === undefined ? {} : { idempotency }),
      });
    },
    async inside(space: SpaceRef, request: Request = {}): Promise<Scope<KeyData>> {
      const { readerOf, writerOf } = await open(request);
      return scopeOf(space, request, { writer: writerOf(space, space), reader: readerOf(space), secrets: webSecrets });
    },
  };
}

export type Tenancy = ReturnType<typeof openTenancy>;

async function idempotencyOf({ key, says = "" }: Request): Promise<Idempotency | undefined> {
  if (key === undefined) return undefined;
  return { key: await hashOf(webSecrets, key), fingerprint: await hashOf(webSecrets, says), raw: key };
}

/** The refusal in words: a test that expected none must say which one came. */
export function done<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`Refused: ${JSON.stringify(result.fault)}`);
  return result.value;
}

export function refused(result: Result<unknown>): Fault {
  if (result.ok) throw new Error(`Was done: ${JSON.stringify(result.value)}`);
  return result.fault;
}

export const bodyOf = ({ rendered }: Written): Record<string, unknown> => JSON.parse(rendered.body);
