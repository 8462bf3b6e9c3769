// Every change of one entry: load, decide, commit; again when somebody else was faster.

import type { Fault } from "../../kernel/fault.ts";
import { fault, quote } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import { actorName, type Scope } from "../../kernel/scope.ts";
import type { Outcome } from "../../platform/event-log/commit.ts";
import { handle } from "../../platform/event-log/handle.ts";
import type { Writer, Written } from "../../platform/event-log/writer.ts";
import { type ContentType, pendingStatement, relianceOn, rowShapeOf, underWay } from "./content-type.ts";
import { type Entry, type EntryEvent, evolve } from "./domain/entry.ts";
import { decide, type EntryCommand, entryMissing } from "./domain/entry-decisions.ts";
import { changeOf } from "./entry-change.ts";
import { decodeEntry, entryStatement, entryView, type Stamps } from "./entry-row.ts";
import { whyNotFields, whyNotPending } from "./fields-judge.ts";
import { etagOf, type Preconditions, whyNotMet } from "./preconditions.ts";
import { holds, scopeMissing } from "./rights.ts";
import type { SchemaEngine } from "./schema-engine.ts";
import type { Locales } from "./shape-of.ts";

/** What authoring's writes are given. */
export interface AuthoringData {
  readonly writer: Writer;
  readonly settings: Locales;
  readonly types: ReadonlyMap<string, ContentType>;
  readonly schemas: SchemaEngine;
  /** Where ids get their random bytes from. */
  readonly secrets: { random(bytes: number): Uint8Array };
}

export interface EntryRequest {
  readonly command: EntryCommand;
  readonly conditions: Preconditions;
  /** DeleteEntry although others refer to it. */
  readonly force?: boolean;
}

/**
 * Refuses, in this order, with `missing`/`entry-missing`; `forbidden`/`scope-missing`; `outdated`/`precondition-failed`,
 * `precondition-required`; what `decide` refuses; `invalid`/`type-unknown`, `fields-too-large`, `schema-violation`; what a commit refuses.
 */
export function changeEntry(scope: Scope<AuthoringData>, request: EntryRequest): Promise<Result<Written>> {
  const { command, conditions } = request;
  const { writer, types } = scope.data;
  return handle(async () => {
    const loaded = await writer.load([entryStatement(scope.space.uid, command.id)]);
    if (!loaded.ok) return loaded;
    const { entry, stamps, told } = decodeEntry(loaded.value.rows[0]?.[0]);
    const stopped = whyNotAsk(scope, command, conditions, entry);
    if (stopped !== undefined) return refuse(stopped);
    const decided = decide(command, entry);
    if (!decided.ok) return decided;
    const events = decided.value;
    const after = events.reduce(evolve, entry);
    const outcome = outcomeOf(scope, command, after, stampsOf(scope, events, stamps), entry.is === "absent");
    if (events.length === 0) return ok(writer.unchanged(outcome, loaded.value.position));

    const name = after.is === "present" ? after.type : entry.is === "present" ? entry.type : "";
    const type = types.get(name);
    if (type === undefined) return refuse(entry.is === "present" ? OUTDATED : typeUnknown(name));
    const broken =
      after.is === "present" && judged(events)
        ? whyNotFields(scope.data.schemas, type, scope.data.settings.locales, after.fields)
        : undefined;
    if (broken !== undefined) return refuse(broken);
    const next = after.is === "present" && judged(events) ? whyNotNext(scope, type, after.fields) : undefined;
    if (next !== undefined) return refuse(await whileUnderWay(scope, type, next));
    const step = {
      id: command.id,
      before: entry,
      events,
      shape: rowShapeOf(type),
      actor: actorName(scope.actor),
      force: request.force === true,
      told,
    };
    const change = changeOf(step);
    if (!change.ok) return refuse(await whileUnderWay(scope, type, change.fault));
    return await writer.commit({ ...change.value, relies: [relianceOn(type)] }, outcome);
  });
}

/** While a check of the type's next schema is under way, that one counts too. */
function whyNotNext({ data: { schemas, settings } }: Scope<AuthoringData>, type: ContentType, fields: JsonObject) {
  return whyNotPending(schemas, type, settings.locales, fields);
}

/** What may rest on a check that is under way is refused only when the primary knows of that check. */
async function whileUnderWay(
  { space, data: { writer } }: Scope<AuthoringData>,
  type: ContentType,
  why: Fault,
): Promise<Fault> {
  const known = underWay(type)?.job;
  if (known === undefined) return why;
  const loaded = await writer.load([pendingStatement(space.uid, type.type)]);
  if (!loaded.ok) return loaded.fault;
  return loaded.value.rows[0]?.[0]?.["job"] === known ? why : OUTDATED;
}

function whyNotAsk(
  scope: Scope<AuthoringData>,
  command: EntryCommand,
  conditions: Preconditions,
  entry: Entry,
): Fault | undefined {
  if (command.do === "CreateEntry") {
    return command.publish && !holds(scope.actor, "content:publish")
      ? scopeMissing(`create entry ${quote(command.id)} and publish it`, "content:publish")
      : undefined;
  }
  if (entry.is === "absent" && command.do !== "ReplaceEntry") return entryMissing(command.id);
  const withdraws =
    entry.is === "present" &&
    entry.published !== null &&
    (command.do === "ArchiveEntry" || command.do === "DeleteEntry");
  if (withdraws && !holds(scope.actor, "content:publish")) {
    return scopeMissing(
      `${command.do === "ArchiveEntry" ? "archive" : "delete"} entry ${quote(command.id)}, which is published`,
      "content:publish",
    );
  }
  const etag = entry.is === "present" ? etagOf(scope.space, entry.revision) : undefined;
  const type = entry.is === "present" ? scope.data.types.get(entry.type) : undefined;
  return whyNotMet(conditions, etag, type?.document.requireIfMatch === true);
}

/** What becomes a draft is judged, and once more what becomes public: its type may have changed since (`?validate=lenient`). */
function judged(events: readonly EntryEvent[]): boolean {
  return events.some(({ type }) => type === "EntryCreated" || type === "EntryUpdated" || type === "EntryPublished");
}

function outcomeOf(
  scope: Scope<AuthoringData>,
  command: EntryCommand,
  after: Entry,
  stamps: Stamps,
  created: boolean,
): Outcome {
  if (after.is === "absent") return {};
  const shown = { view: entryView(command.id, after, stamps), etag: etagOf(scope.space, after.revision) };
  return created ? { ...shown, created: true, location: `entries/${command.id}` } : shown;
}

function stampsOf(scope: Scope<AuthoringData>, events: readonly EntryEvent[], before: Stamps | undefined): Stamps {
  const { at } = scope.data.writer.marks;
  const actor = actorName(scope.actor);
  const fresh: Stamps = { createdAt: at, updatedAt: at, publishedAt: null, createdBy: actor, updatedBy: actor };
  let stamps = before ?? fresh;
  for (const { type } of events) {
    if (type === "EntryCreated") stamps = fresh;
    else if (type === "EntryUpdated") stamps = { ...stamps, updatedAt: at, updatedBy: actor };
    else if (type === "EntryPublished") stamps = { ...stamps, publishedAt: at };
    else if (type === "EntryUnpublished" || type === "EntryArchived") stamps = { ...stamps, publishedAt: null };
  }
  return stamps;
}

function typeUnknown(name: string): Fault {
  const detail = `There is no content type ${quote(name)}`;
  return fault("invalid", "type-unknown", detail, { errors: [{ pointer: "/type", code: "type-unknown", detail }] });
}

/** An entry's type cannot be deleted while the entry is there: what we know of the types is older than the entry. */
const OUTDATED = fault(
  "outdated",
  "knowledge-outdated",
  "The space's content types changed while this was decided; retry",
);
