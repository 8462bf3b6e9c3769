// What an imported line makes of its entry: the events of its draft and, when it can be at once, of its publication.
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Change, ReferenceRow } from "../../platform/event-log/commit.ts";
import { type ContentType, rowShapeOf } from "./content-type.ts";
import { type Entry, type EntryEvent, evolve } from "./domain/entry.ts";
import { decide } from "./domain/entry-decisions.ts";
import { changeOf } from "./entry-change.ts";
import type { LoadedEntry } from "./entry-row.ts";
import { whyNotFields, whyNotPending } from "./fields-judge.ts";
import { referencesOf } from "./references.ts";
import type { SchemaEngine } from "./schema-engine.ts";

export type ImportMode = "upsert" | "create";

export interface ImportedLine {
  readonly type: string;
  readonly id: string;
  readonly slug: string | null;
  readonly fields: JsonObject;
  readonly publish: boolean;
}

export interface LineRules {
  readonly types: ReadonlyMap<string, ContentType>;
  readonly locales: readonly string[];
  readonly schemas: SchemaEngine;
}

/** A line that nothing in itself speaks against. */
export interface JudgedLine {
  readonly type: ContentType;
  readonly references: readonly ReferenceRow[];
}

/** Refuses with `invalid`/`type-unknown`, `fields-too-large`, `schema-violation`. Takes time linear in the line. */
export function judgeLine(line: ImportedLine, { types, locales, schemas }: LineRules): Result<JudgedLine> {
  const type = types.get(line.type);
  if (type === undefined) {
    const detail = `There is no content type ${quote(line.type)}`;
    return refuse(
      fault("invalid", "type-unknown", detail, { errors: [{ pointer: "/type", code: "type-unknown", detail }] }),
    );
  }
  const broken =
    whyNotFields(schemas, type, locales, line.fields) ?? whyNotPending(schemas, type, locales, line.fields);
  return broken === undefined ? ok({ type, references: referencesOf(rowShapeOf(type), line.fields) }) : refuse(broken);
}

export interface DecidedLine {
  /** `undefined`: nothing is to be written (now). */
  readonly change: Change | undefined;
  readonly became: "created" | "updated" | "unchanged";
  /** Set when it is still to be published: the version of its draft. */
  readonly pending: number | undefined;
}

export interface DecideLine {
  readonly mode: ImportMode;
  readonly actor: string;
  /** Its references may lead nowhere yet: its publication waits. */
  readonly defers: boolean;
}

/** Refuses with `conflict`/`entry-exists`, `type-mismatch`, `entry-archived`, `invalid`/`reference-missing`. */
export function decideLine(
  { id, slug, fields, publish }: ImportedLine,
  { type }: Pick<JudgedLine, "type">,
  { entry, told }: LoadedEntry,
  { mode, actor, defers }: DecideLine,
): Result<DecidedLine> {
  const doing = mode === "create" ? { do: "CreateEntry", publish: false } : { do: "ReplaceEntry" };
  const drafted = decide({ ...doing, id, type: type.type, slug, fields } as Parameters<typeof decide>[0], entry);
  if (!drafted.ok) return drafted;
  let events: readonly EntryEvent[] = drafted.value;
  let after: Entry = events.reduce(evolve, entry);
  let pending: number | undefined;
  if (publish) {
    const published = decide({ do: "PublishEntry", id }, after);
    if (!published.ok) return published;
    if (published.value.length > 0 && defers) pending = after.version;
    else {
      events = [...events, ...published.value];
      after = published.value.reduce(evolve, after);
    }
  }
  const became =
    entry.is === "absent" ? "created" : events.length === 0 && pending === undefined ? "unchanged" : "updated";
  if (events.length === 0) return ok({ change: undefined, became, pending });
  const change = changeOf({ id, before: entry, events, shape: rowShapeOf(type), actor, force: false, told });
  return change.ok ? ok({ change: change.value, became, pending }) : change;
}

export interface PendingLine {
  readonly id: string;
  /** Of the draft that the import wrote or found. */
  readonly version: number;
}

/**
 * `undefined`: the draft is published already. Refuses with `conflict`/`entry-changed` when somebody else has changed the draft since, and with
 * `invalid`/`schema-violation`, because the type may have been saved again.
 */
export function decidePending(
  { id, version }: PendingLine,
  { entry, told }: LoadedEntry,
  actor: string,
  { types, locales, schemas }: LineRules,
): Result<Change | undefined> {
  const type = entry.is === "present" ? types.get(entry.type) : undefined;
  if (entry.is === "absent" || type === undefined || entry.version !== version) return refuse(entryChanged(id));
  const decided = decide({ do: "PublishEntry", id }, entry);
  if (!decided.ok) return decided;
  if (decided.value.length === 0) return ok(undefined);
  const broken =
    whyNotFields(schemas, type, locales, entry.fields) ?? whyNotPending(schemas, type, locales, entry.fields);
  if (broken !== undefined) return refuse(broken);
  return changeOf({ id, before: entry, events: decided.value, shape: rowShapeOf(type), actor, force: false, told });
}

function entryChanged(id: string): Fault {
  return fault(
    "conflict",
    "entry-changed",
    `Cannot publish entry ${quote(id)}: somebody has changed or deleted it since this import wrote its draft`,
  );
}
