// The Writer: one call of commit_write to the primary, once more when the answer was lost, and what must follow a commit.
import { type SQL, sql } from "drizzle-orm";
import { type Millis, millis } from "../../kernel/clock.ts";
import { type Fault, fault } from "../../kernel/fault.ts";
import { type Position, position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Answer, Known, SqlClient } from "../database/database.ts";
import { DATABASE_UNAVAILABLE, OUTCOME_UNKNOWN } from "../database/open-database.ts";
import { isAway, isBusy, TooLarge } from "../database/outage.ts";
import { renderSql } from "../database/render-sql.ts";
import type { Endpoint } from "../database/topology.ts";
import type { Guard } from "../resilience/guard.ts";
import { wasNotSent } from "../resilience/outage.ts";
import type { Meter } from "../telemetry/meter.ts";
import type { Change, Outcome, Rendered } from "./commit.ts";
import { type CommitAnswer, refusalOf, type Stored } from "./commit-answer.ts";
import type { Marks, Writer, Written } from "./writer.ts";

/** One call carries 8 MiB; this much may be the payload, whose quotes are escaped once more on the way. */
const MAX_CALL_BYTES = 7.5 * 1024 * 1024;
/** A payload smaller than this fits however it is escaped. */
const SURELY_SMALL = MAX_CALL_BYTES / 6;

/** Each of the two calls of a commit: together below the five seconds within which a write is answered. */
const COMMIT_TIMEOUT: Millis = millis(2_400);

export interface Idempotency {
  /** SHA-256 of credential and key, hex. */
  readonly key: string;
  /** SHA-256 of the request, hex. */
  readonly fingerprint: string;
  /** As the client sent it: seals secrets. */
  readonly raw: string;
}

export interface CommitMeta {
  readonly actor: string;
  readonly requestId: string;
  readonly traceparent?: string;
}

/** What a writer is bound to. */
export interface WriterBinding {
  readonly space: SpaceRef;
  readonly known: Known | undefined;
  readonly caller: "request" | "job";
  readonly meta: CommitMeta;
  readonly idempotency: Idempotency | undefined;
  /** A commit before which nothing was loaded must first see how far the space is: somebody asks for a position. */
  readonly loadsFirst?: boolean;
  render(outcome: Outcome): Rendered;
  load(statements: readonly SQL[]): Promise<Result<Answer>>;
}

/** Before and after a commit; see platform/relay. Neither may fail a write. */
export interface Announcer {
  beforeCommit(space: SpaceRef): Promise<{ readonly seen: Position | undefined }>;
  /** Nobody knows whether it committed. Runs behind the response. */
  afterUnknown(space: SpaceRef): void;
  /** Asks nobody before it resolves; what takes longer runs behind the response. */
  afterCommit(
    space: SpaceRef,
    commit: {
      readonly position: Position;
      readonly recentFrom: Position;
      readonly recent: readonly { position: number; tags: readonly string[] }[];
      readonly traceparent?: string;
    },
  ): Promise<void>;
}

/** Secrets at rest: AES-GCM under a key derived from the server's secret and the idempotency key. */
export interface Sealer {
  seal(text: string, key: string): Promise<string>;
  open(sealed: string, key: string): Promise<string>;
}

export interface WriterParts {
  readonly client: SqlClient;
  readonly announcer: Announcer;
  readonly meter?: Meter;
  readonly sealer: Sealer;
  primaryOf(residency: string): Endpoint;
  guardOf(endpoint: Endpoint): Guard;
  uuid(): string;
}

/** A writer and the question that the door asks when a write was refused or changed nothing: was it done before? */
export interface BoundWriter extends Writer {
  findReplay(): Promise<Result<Written | undefined>>;
}

export function openWriter(parts: WriterParts, binding: WriterBinding): BoundWriter {
  const { space, idempotency } = binding;
  const token = parts.uuid();
  const marks: Marks = { at: `@at:${token}`, position: `@position:${token}`, secret: `@secret:${token}` };
  const endpoint = parts.primaryOf(space.residency);
  let announced: Promise<{ readonly seen: Position | undefined }> | undefined;
  let hasLoaded = false;

  /** `undefined`: nobody knows whether it committed. */
  async function call(
    name: "commit_write" | "write_aside",
    payload: Record<string, unknown>,
    insists: boolean,
  ): Promise<Result<CommitAnswer | undefined>> {
    const text = JSON.stringify(payload);
    if (text.length > SURELY_SMALL && new TextEncoder().encode(JSON.stringify(text)).byteLength > MAX_CALL_BYTES)
      return refuse(WRITE_TOO_LARGE);
    const statement = renderSql(sql`select ${sql.identifier(name)}(${text}::jsonb) as answer`);
    const asked = parts.guardOf(endpoint).attempt(
      (signal) => parts.client.call(endpoint, statement, { signal, caller: binding.caller }),
      isAway,
      (error) => {
        if (error instanceof TooLarge && error.what === "call") return refuse(WRITE_TOO_LARGE);
        return isBusy(error) || wasNotSent(error) ? refuse(DATABASE_UNAVAILABLE) : undefined;
      },
      { timeout: COMMIT_TIMEOUT, insists },
    );
    const rows = await (parts.meter === undefined ? asked : parts.meter.during(asked));
    if (rows === undefined) return ok(undefined);
    if ("ok" in rows) return rows;
    return ok(rows[0]?.["answer"] as CommitAnswer);
  }

  function load(statements: readonly SQL[]): Promise<Result<Answer>> {
    // The dirty mark travels while we read: it must be there before the commit, not before the decision.
    announced ??= parts.announcer.beforeCommit(space);
    hasLoaded = true;
    return binding.load(statements);
  }

  function commit(change: Change, outcome: Outcome): Promise<Result<Written>> {
    const { dryRun: _, ...rest } = change;
    return write("commit_write", rest, outcome);
  }

  async function write(
    name: "commit_write" | "write_aside",
    what: Readonly<Record<string, unknown>>,
    outcome: Outcome,
  ): Promise<Result<Written>> {
    const reached = binding.loadsFirst && !hasLoaded ? await load([]) : undefined;
    if (reached?.ok === false) return reached;
    announced ??= parts.announcer.beforeCommit(space);
    const { seen } = await announced;
    const rendered = binding.render(outcome);
    const payload = {
      ...what,
      space: space.uid,
      commit: parts.uuid(),
      known: binding.known,
      seen,
      meta: binding.meta,
      placeholders: { at: marks.at, position: `"${marks.position}"` },
      idem: idempotency && (await keep(idempotency, rendered, outcome)),
    };
    let answered = await call(name, payload, false);
    const lost = answered.ok && answered.value === undefined;
    // The lost answer may have opened the breaker, which must not keep us from asking what became of the first call.
    if (lost) answered = await call(name, { ...payload, again: true }, true);
    // Once an answer was lost, only an answer tells: the repeated call's own trouble says nothing about the first.
    if (!answered.ok && !lost) return answered;
    const answer = answered.ok ? answered.value : undefined;
    if (answer === undefined) {
      parts.announcer.afterUnknown(space);
      return refuse(OUTCOME_UNKNOWN);
    }
    if ("refused" in answer) return refuse(refusalOf(answer, space));
    if ("replayed" in answer) {
      // What the repeated call finds kept by a write that takes no position is the answer of the first: there is no row of a commit to tell by.
      const first = lost && name === "write_aside";
      return ok({ ...(await replayed(answer)), ...(first ? { replayed: false } : {}) });
    }
    await parts.announcer.afterCommit(space, {
      position: position(answer.position),
      // A commit found by the repeated call comes without its tags: nothing is claimed, and the digest is brought up from the log.
      recentFrom: position(answer.recentFrom ?? answer.position),
      recent: answer.recent ?? [],
      ...(binding.meta.traceparent === undefined ? {} : { traceparent: binding.meta.traceparent }),
    });
    return ok({
      rendered: fill(rendered, answer, outcome.secret),
      position: position(answer.position),
      replayed: false,
      unchanged: false,
    });
  }

  async function keep(key: Idempotency, rendered: Rendered, outcome: Outcome): Promise<Record<string, unknown>> {
    const sealed =
      outcome.secret === undefined
        ? undefined
        : await parts.sealer.seal(JSON.stringify([marks.secret, outcome.secret]), key.raw);
    return {
      key: key.key,
      fingerprint: key.fingerprint,
      status: rendered.status,
      headers: rendered.headers,
      body: rendered.body,
      sealed,
    };
  }

  function fill(rendered: Rendered, answer: { at: string; position: number }, secret: string | undefined): Rendered {
    const body = rendered.body
      .replaceAll(marks.at, answer.at)
      .replaceAll(`"${marks.position}"`, String(answer.position));
    return { ...rendered, body: secret === undefined ? body : body.replaceAll(marks.secret, secret) };
  }

  async function replayed(stored: Stored): Promise<Written> {
    let body = stored.body;
    if (stored.sealed != null && idempotency) {
      const [mark, secret] = JSON.parse(await parts.sealer.open(stored.sealed, idempotency.raw)) as [string, string];
      body = body.replaceAll(mark, secret);
    }
    return {
      rendered: { status: stored.status, headers: stored.headers, body },
      position: position(stored.position),
      replayed: true,
      unchanged: false,
    };
  }

  return {
    space,
    marks,
    commit,
    load,
    aside: (does, effect, outcome) => write("write_aside", { does, effect }, outcome),
    unchanged: (outcome, at) => ({ rendered: binding.render(outcome), position: at, replayed: false, unchanged: true }),
    async findReplay() {
      if (!idempotency) return ok(undefined);
      const found = await binding.load([
        sql`select encode(fingerprint, 'hex') as fingerprint, status, position, headers, body, sealed from idempotency
            where space = ${space.uid} and key = decode(${idempotency.key}, 'hex') and at > now() - interval '24 hours'`,
      ]);
      if (!found.ok) return found;
      const row = found.value.rows[0]?.[0] as (Stored & { fingerprint: string }) | undefined;
      if (row === undefined) return ok(undefined);
      if (row.fingerprint !== idempotency.fingerprint)
        return refuse(refusalOf({ refused: "idempotency-key-reused" }, space));
      return ok(await replayed(row));
    },
  };
}

const WRITE_TOO_LARGE: Fault = fault(
  "invalid",
  "write-too-large",
  "With its index rows and its stored answer this write takes more than one call carries: shorten indexed texts, or index fewer",
);
