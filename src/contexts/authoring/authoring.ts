// The door of authoring: content types and entries.
export type { AuthoringData } from "./change-entry.ts";
export { type ContentType, decodeType, type TypeDocument, typesStatement } from "./content-type.ts";
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
export type { Preconditions } from "./preconditions.ts";
export { getEntry } from "./read-entry.ts";
export { getType, listTypes } from "./read-types.ts";
export { referencesOf } from "./references.ts";
export { deleteType, saveType } from "./save-type.ts";
export type { SchemaEngine } from "./schema-engine.ts";
export { shapeOf } from "./shape-of.ts";
