// What may happen to an entry: commands, and the events or the refusal that each leads to.
import type { Decider } from "../../../kernel/decider.ts";
import { type Fault, fault, quote } from "../../../kernel/fault.ts";
import { isObject, type JsonObject } from "../../../kernel/json.ts";
import { never, ok, type Result, refuse } from "../../../kernel/result.ts";
import { type Entry, type EntryEvent, evolve, NO_ENTRY, type PresentEntry } from "./entry.ts";
import { mergePatch } from "./merge-patch.ts";
import { sameJson } from "./same-json.ts";

interface About {
  readonly id: string;
}

export interface Draft {
  readonly slug: string | null;
  readonly fields: JsonObject;
}

export type EntryCommand =
  | (About & Draft & { readonly do: "CreateEntry"; readonly type: string; readonly publish: boolean })
  /** Creates the entry when there is none. */
  | (About & Draft & { readonly do: "ReplaceEntry"; readonly type: string })
  /** A merge patch (RFC 7396) over `{slug, fields}`. */
  | (About & { readonly do: "PatchEntry"; readonly slug?: string | null; readonly fields?: JsonObject })
  | (About & { readonly do: "PublishEntry" })
  | (About & { readonly do: "UnpublishEntry" })
  | (About & { readonly do: "ArchiveEntry" })
  | (About & { readonly do: "UnarchiveEntry" })
  | (About & { readonly do: "DeleteEntry" });

type Decision = Result<readonly EntryEvent[], Fault>;

/** Nothing would change: no event, no position. */
const NOTHING: Decision = ok([]);

/**
 * Refuses with `missing`/`entry-missing`, `conflict`/`entry-exists`, `type-mismatch`, `entry-archived`.
 * What a content type asks of fields, slugs taken and references are not the entry's own affair: see `changeEntry`.
 */
export function decide(command: EntryCommand, entry: Entry): Decision {
  if (command.do === "CreateEntry") return create(command, entry);
  if (entry.is === "absent") return command.do === "ReplaceEntry" ? created(command) : refuse(entryMissing(command.id));
  if (entry.archived && command.do !== "UnarchiveEntry" && command.do !== "DeleteEntry")
    return refuse(archived(command));
  switch (command.do) {
    case "ReplaceEntry":
      return command.type === entry.type ? update(entry, command) : refuse(typeMismatch(command, entry));
    case "PatchEntry":
      return update(entry, patched(entry, command));
    case "PublishEntry":
      return entry.published?.version === entry.version ? NOTHING : ok([published(entry.version)]);
    case "UnpublishEntry":
      return entry.published === null ? NOTHING : ok([{ type: "EntryUnpublished", data: {} }]);
    case "ArchiveEntry":
      return ok([{ type: "EntryArchived", data: { withdrew: entry.published !== null } }]);
    case "UnarchiveEntry":
      return entry.archived ? ok([{ type: "EntryUnarchived", data: {} }]) : NOTHING;
    case "DeleteEntry":
      return ok([{ type: "EntryDeleted", data: { type: entry.type } }]);
    default:
      return never(command);
  }
}

export const entryDecider: Decider<EntryCommand, EntryEvent, Entry> = { initial: NO_ENTRY, decide, evolve };

export function entryMissing(id: string): Fault {
  return fault("missing", "entry-missing", `There is no entry ${quote(id)}`);
}

function create(command: EntryCommand & { do: "CreateEntry" }, entry: Entry): Decision {
  if (entry.is === "present") {
    return refuse(fault("conflict", "entry-exists", `Cannot create entry ${quote(command.id)}: it exists already`));
  }
  const draft = created(command);
  return command.publish && draft.ok ? ok([...draft.value, published(entry.version + 1)]) : draft;
}

function created({ type, slug, fields }: Draft & { readonly type: string }): Decision {
  return ok([{ type: "EntryCreated", data: { type, slug, fields } }]);
}

function published(version: number): EntryEvent {
  return { type: "EntryPublished", data: { version } };
}

function update(entry: PresentEntry, { slug, fields }: Draft): Decision {
  if (slug === entry.slug && sameJson(fields, entry.fields)) return NOTHING;
  return ok([{ type: "EntryUpdated", data: { slug, fields, version: entry.version + 1 } }]);
}

function patched(entry: PresentEntry, patch: EntryCommand & { do: "PatchEntry" }): Draft {
  const fields = patch.fields === undefined ? entry.fields : mergePatch(entry.fields, patch.fields);
  return { slug: patch.slug === undefined ? entry.slug : patch.slug, fields: isObject(fields) ? fields : {} };
}

const VERBS = {
  ReplaceEntry: "replace",
  PatchEntry: "change",
  PublishEntry: "publish",
  UnpublishEntry: "unpublish",
  ArchiveEntry: "archive",
} as const;

function archived(command: EntryCommand & { do: keyof typeof VERBS }): Fault {
  return fault("conflict", "entry-archived", `Cannot ${VERBS[command.do]} entry ${quote(command.id)}: it is archived`);
}

function typeMismatch(command: EntryCommand & { do: "ReplaceEntry" }, entry: PresentEntry): Fault {
  const detail = `Cannot replace entry ${quote(command.id)} by one of type ${quote(command.type)}: its type is ${quote(entry.type)}`;
  return fault("conflict", "type-mismatch", detail, { errors: [{ pointer: "/type", code: "type-mismatch", detail }] });
}
