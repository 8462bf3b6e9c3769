// Saves a content type: the document is checked, its shape derived, existing entries looked at, all guarded by one commit.

import { type Fault, fault, quote } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Change, Outcome, Reindex } from "../../platform/event-log/commit.ts";
import { handle } from "../../platform/event-log/handle.ts";
import type { Written } from "../../platform/event-log/writer.ts";
import type { TypeShape } from "../delivery/delivery.ts";
import type { TypeData } from "./ask-schema-check.ts";
import { askSchemaCheck, type SchemaCheck } from "./ask-schema-check.ts";
import { bothShapes } from "./both-shapes.ts";
import { type ContentType, type TypeDocument, underWay } from "./content-type.ts";
import { sameJson } from "./domain/same-json.ts";
import type { TypeState } from "./domain/type.ts";
import { decideType, typeMissing } from "./domain/type-decisions.ts";
import { violationsOf } from "./fields-judge.ts";
import { etagOf, type Preconditions, whyNotMet } from "./preconditions.ts";
import { isIndexedAlike, isReferringAlike, shapeOf } from "./shape-of.ts";
import { asJson, MAX_TYPES_BYTES, normalized, shapeAsJson, whyNotDocument } from "./type-document.ts";
import { decodeLoadedType, type LoadedType, typeStatement, typeView } from "./type-row.ts";
import { MAX_SURVEYED, surveyEntries } from "./type-survey.ts";

/** Version of the shape of content type events. */
const SCHEMA = 1;

export interface SaveType {
  readonly type: string;
  readonly document: TypeDocument;
  /** Existing entries may break the new schema. */
  readonly lenient: boolean;
  readonly conditions: Preconditions;
}

export interface DeleteType {
  readonly type: string;
  readonly conditions: Preconditions;
}

/**
 * Refuses with `outdated`/`precondition-failed`; `invalid`/`schema-unsupported`; `conflict`/`schema-conflict`,
 * `schema-check-too-large`, `schema-check-running`, `types-too-large`. Types with many entries: 202, with a job that saves it. A reference to a type that does not exist (yet) is fine: types may refer to each other.
 */
export function saveType(
  scope: Scope<TypeData>,
  { type, document, lenient, conditions }: SaveType,
): Promise<Result<Written>> {
  const { writer, settings, schemas } = scope.data;
  const wanted = normalized(document);
  return handle(async () => {
    const loaded = await load(scope, type, conditions);
    if (!loaded.ok) return loaded;
    const { found, position } = loaded.value;
    const { current, revision } = found;
    const broken = whyNotDocument(wanted, schemas);
    if (broken !== undefined) return refuse(broken);
    const shape = shapeOf(type, wanted, settings, revision + 1, current?.shape);
    if (!shape.ok) return shape;
    const kept = asJson(wanted);
    const decided = decideType(
      { do: "SaveType", name: type, document: kept, shape: shapeAsJson(shape.value) },
      stateOf(found),
    );
    if (!decided.ok) return decided;
    if (decided.value.length === 0 && current !== undefined) {
      const view = typeView(type, wanted, shape.value, current);
      return ok(writer.unchanged({ view, etag: etagOf(scope.space, revision) }, position));
    }

    const running = current && underWay(current);
    if (running !== undefined) return refuse(checkRunning(type, running.job, position));
    const entries = await entriesUnder(scope, found, wanted, shape.value, lenient);
    if (!entries.ok) return entries;
    const { check, ...under } = entries.value;
    if (check !== undefined) return await askSchemaCheck(scope, { type, revision, document: wanted, ...check });
    const change: Change = { ...savedType(type, revision, kept, shape.value), ...under };
    const { at } = writer.marks;
    const view = typeView(type, wanted, shape.value, { createdAt: current?.createdAt ?? at, updatedAt: at });
    const outcome: Outcome = { view, etag: etagOf(scope.space, revision + 1) };
    return await writer.commit(
      change,
      current === undefined ? { ...outcome, created: true, location: `types/${type}` } : outcome,
    );
  });
}

function checkRunning(type: string, job: string, position: Position): Fault {
  const detail = `Cannot save content type ${quote(type)}: check ${quote(job)} of its next schema is under way; wait until it has ended, or cancel it`;
  return fault("conflict", "schema-check-running", detail, { position });
}

/** Refuses with `missing`/`type-missing`, `outdated`/`precondition-failed`, `conflict`/`type-in-use`. References from other types do not count: no entry is left for them to reach. */
export function deleteType(scope: Scope<TypeData>, { type, conditions }: DeleteType): Promise<Result<Written>> {
  return handle(async () => {
    const loaded = await load(scope, type, conditions, "must be there");
    if (!loaded.ok) return loaded;
    const { found } = loaded.value;
    const { revision } = found;
    const decided = decideType({ do: "DeleteType", name: type, entries: found.entries }, stateOf(found));
    if (!decided.ok) return decided;
    const change: Change = {
      streams: [{ i: 0, id: `type:${type}`, x: revision, n: 1 }],
      events: decided.value.map((event, i) => eventOf(type, event.type, event.data, revision + 1, i + 1)),
      types: [{ type, n: 1, revision: revision + 1, gone: true }],
      moved: { schema: 1 },
      relies: [],
      typeEntries: [{ type, position: 0, entries: 0 }],
    };
    return await scope.data.writer.commit(change, {});
  });
}

async function load(scope: Scope<TypeData>, type: string, conditions: Preconditions, presence?: "must be there") {
  const loaded = await scope.data.writer.load([typeStatement(scope.space.uid, type)]);
  if (!loaded.ok) return loaded;
  const found = decodeLoadedType(loaded.value.rows[0]?.[0]);
  if (found.current === undefined && presence !== undefined) return refuse(typeMissing(type));
  const etag = found.current === undefined ? undefined : etagOf(scope.space, found.revision);
  const stopped = whyNotMet(conditions, etag, false);
  return stopped === undefined ? ok({ found, position: loaded.value.position }) : refuse(stopped);
}

interface Under extends Pick<Change, "reindex" | "typeEntries"> {
  /** More than a request looks at: a job does. */
  readonly check?: Pick<SchemaCheck, "judges" | "rows">;
}

/** What becomes of the entries that are there, and what the commit must find them to be. */
async function entriesUnder(
  scope: Scope<TypeData>,
  found: LoadedType,
  document: TypeDocument,
  shape: TypeShape,
  lenient: boolean,
): Promise<Result<Under>> {
  const { current, entries, last } = found;
  const { writer, settings, schemas } = scope.data;
  const typeEntries = [{ type: shape.type, position: last, entries }];
  if (current === undefined) return ok({ typeEntries });
  const sameRules =
    sameJson(current.document.schema, document.schema) && sameJson(current.shape.locales, settings.locales);
  const sameRows = isIndexedAlike(current.shape, shape);
  const judges = !(sameRules || lenient);
  if (!judges && sameRows) return ok({});
  if (entries === 0) return ok({ typeEntries });
  const byJob = () => checkOf(current, shape, { entries, sameRows, judges });
  if (entries > MAX_SURVEYED) return byJob();
  const judge = (fields: JsonObject) => violationsOf(schemas, document.schema, settings.locales, fields, 1)[0];
  const reindex = sameRows ? "nothing" : isReferringAlike(current.shape, shape) ? "rows" : "rows and references";
  const surveyed = await surveyEntries(writer, {
    type: shape.type,
    shape,
    judge: judges ? judge : undefined,
    reindex,
    clock: scope.clock,
  });
  // Few entries may be more than one request can look at, too.
  if (!surveyed.ok) return surveyed;
  if (surveyed.value === "too much") return byJob();
  const rows: readonly Reindex[] = surveyed.value;
  return ok({ typeEntries, ...(rows.length > 0 ? { reindex: rows } : {}) });
}

/** Refuses with `conflict`/`schema-check-too-large`. */
function checkOf(
  current: ContentType,
  shape: TypeShape,
  { entries, sameRows, judges }: { readonly entries: number; readonly sameRows: boolean; readonly judges: boolean },
): Result<Under> {
  // Rows that an earlier check has left behind are put right on the way.
  if (sameRows && current.pending === undefined) return ok({ check: { judges, rows: undefined } });
  const both = bothShapes(current.shape, shape);
  if (both.ok) return ok({ check: { judges, rows: both.shape } });
  const detail = `Cannot save content type ${quote(shape.type)}: ${both.clash}, and its ${entries} entries hold more than one request can index again; save it without that index first and, when its job has ended, with it again`;
  return refuse(fault("conflict", "schema-check-too-large", detail));
}

function stateOf({ revision, current }: LoadedType): TypeState {
  if (current === undefined) return { is: "absent", revision };
  return { is: "present", revision, document: asJson(normalized(current.document)), shape: shapeAsJson(current.shape) };
}

/** `revision`: events in the type's stream so far. */
export function savedType(type: string, revision: number, document: JsonObject, shape: TypeShape): Change {
  const next = revision + 1;
  return {
    streams: [{ i: 0, id: `type:${type}`, x: revision, n: 1 }],
    events: [eventOf(type, "TypeSaved", { document, shape: shapeAsJson(shape) }, next, 1)],
    types: [{ type, n: 1, revision: next, document, shape: shapeAsJson(shape) }],
    moved: { schema: 1 },
    relies: [],
    typesMost: MAX_TYPES_BYTES,
  };
}

function eventOf(type: string, name: string, data: JsonObject, version: number, n: number) {
  return { n, stream: `type:${type}`, version, type: name, schema: SCHEMA, data, tags: [`schema:${type}`] };
}
