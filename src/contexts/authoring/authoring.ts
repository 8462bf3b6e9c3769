// The door of authoring: content types and entries.

export { SCHEMA_CHECK } from "./ask-schema-check.ts";
export type { AuthoringData } from "./change-entry.ts";
export { mergeChanges, type OneOfMany } from "./change-many.ts";
export { type CheckParts, type Settings as CheckSettings, schemaCheckKind } from "./check-schema.ts";
export { type ContentType, decodeType, relianceOn, type TypeDocument, typesStatement } from "./content-type.ts";
export {
  type DecidedLine,
  decideLine,
  decidePending,
  type ImportedLine,
  type ImportMode,
  type JudgedLine,
  judgeLine,
  type LineRules,
} from "./decide-import.ts";
export { type EntryEvent, type EntryStatus, statusOf } from "./domain/entry.ts";
export { type EntryRows, replayEntry } from "./domain/entry-replay.ts";
export { replayType, type TypeEvent, type TypeState } from "./domain/type.ts";
export {
  archiveEntry,
  createEntry,
  deleteEntry,
  patchEntry,
  publishEntry,
  replaceEntry,
  unarchiveEntry,
  unpublishEntry,
} from "./entries.ts";
export { decodeEntry, entriesStatement, entryStatement, type LoadedEntry } from "./entry-row.ts";
export { whyNotFields } from "./fields-judge.ts";
export type { Preconditions } from "./preconditions.ts";
export { getEntry } from "./read-entry.ts";
export { getType, listTypes } from "./read-types.ts";
export { referencesOf } from "./references.ts";
export { deleteType, saveType } from "./save-type.ts";
export type { SchemaEngine } from "./schema-engine.ts";
export { shapeOf } from "./shape-of.ts";
