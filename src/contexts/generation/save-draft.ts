// What was generated becomes a draft, once: its id is the job's. An entry that is there already is never touched.
import { sql } from "drizzle-orm";
import type { Clock } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import type { Outcome, Rendered } from "../../platform/event-log/commit.ts";
import type { BoundWriter, WriterBinding } from "../../platform/event-log/open-writer.ts";
import type { Turn, TurnEnd } from "../../platform/jobs/job.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import { type ContentType, createEntry, decodeType, type SchemaEngine } from "../authoring/authoring.ts";

export interface DraftParts {
  readonly schemas: SchemaEngine;
  readonly clock: Clock;
  /** Of the primary. */
  readerOf(space: SpaceRef): Reader;
  openWriter(defer: (work: Promise<unknown>) => void, binding: WriterBinding): BoundWriter;
  /** The answer of a write that nobody asked for: kept nowhere. */
  render(outcome: Outcome): Rendered;
}

export interface Found {
  readonly type: ContentType;
  readonly settings: { readonly locales: readonly string[]; readonly defaultLocale: string };
  /** Where both were read. */
  readonly position: Position;
}

/** Whoever asks which drafts nobody wrote finds them by this. */
export const AUTHOR = "generation";

/** `undefined`: there is no such type. Throws when the primary is away. */
export async function loadType({ readerOf }: DraftParts, space: SpaceRef, name: string): Promise<Found | undefined> {
  const answer = await readerOf(space).read([
    sql`select type, revision, position, document, shape, created_at, updated_at from types where space = ${space.uid} and type = ${name}`,
    sql`select settings -> 'locales' as locales, settings ->> 'defaultLocale' as default_locale from spaces where space = ${space.uid}`,
  ]);
  if (!answer.ok) throw new Outage("postgres", "failed", { cause: answer.fault.code });
  const [types = [], [settings] = []] = answer.value.rows;
  if (types[0] === undefined || settings === undefined) return undefined;
  const { locales, default_locale: defaultLocale } = settings as { locales: readonly string[]; default_locale: string };
  return { type: decodeType(types[0]), settings: { locales, defaultLocale }, position: answer.value.position };
}

/** Of the entry that a job makes. */
export function draftId(job: string): string {
  return `gen-${job}`;
}

export async function saveDraft(parts: DraftParts, turn: Turn, fields: JsonObject, found: Found): Promise<TurnEnd> {
  const { space, id: job } = turn.job;
  const { type, settings } = found;
  const actor = { type: "system", name: AUTHOR } as const;
  const id = draftId(job);
  const requestId = `${AUTHOR}-${job}`;
  const after: Promise<unknown>[] = [];
  const known = { settings: position(found.position), schema: position(found.position) };
  const writer = parts.openWriter((work) => after.push(work), {
    ...{ space, known, caller: "job", idempotency: undefined, render: parts.render },
    meta: { actor: `system:${AUTHOR}`, requestId },
    load: (statements) => parts.readerOf(space).read(statements),
  });
  const data = { writer, settings, types: new Map([[type.type, type]]), schemas: parts.schemas, secrets: NO_CHANCE };
  const created = await createEntry(
    { space, actor, requestId, clock: parts.clock, data },
    { type: type.type, id, slug: null, fields, publish: false },
  );
  await Promise.all(after);
  if (created.ok) return { is: "completed", shown: { entry: id } };
  const { kind, code, detail, errors = [] } = created.fault;
  if (code === "entry-exists" && (await isOurs(parts, space, id))) return { is: "completed", shown: { entry: id } };
  if (kind === "unavailable") throw new Outage("postgres", "failed", { cause: code });
  // Types or settings were changed meanwhile: what was generated is judged anew, and nobody is paid again.
  if (code === "knowledge-outdated" || (kind === "conflict" && code === "conflict")) return { is: "more" };
  const shown = errors.slice(0, 20).map((each) => ({
    ...(each.pointer === undefined ? {} : { pointer: each.pointer }),
    detail: each.detail.toWellFormed(),
  }));
  return {
    is: "failed",
    error: { code, detail: detail.toWellFormed(), ...(shown.length === 0 ? {} : { errors: shown }) },
  };
}

/** An earlier turn made it and died before it could say so. */
async function isOurs({ readerOf }: DraftParts, space: SpaceRef, id: string): Promise<boolean> {
  const answer = await readerOf(space).read([
    sql`select 1 as found from entries where space = ${space.uid} and id = ${id} and created_by = ${`system:${AUTHOR}`}`,
  ]);
  if (!answer.ok) throw new Outage("postgres", "failed", { cause: answer.fault.code });
  return answer.value.rows[0]?.[0] !== undefined;
}

/** Ids are not left to chance here. */
const NO_CHANCE = { random: (bytes: number) => new Uint8Array(bytes) };
