// The door of transfer: files of entries that come in.
export { openPace } from "./pace.ts";
export type { BlobParts, BlobStore, ReadLine, RunningHash } from "./ports.ts";
export { type ImportErrors, readImportErrors } from "./read-errors.ts";
export {
  FILE_MOST,
  IMPORTS_MOST,
  type Intake,
  LINES_MOST,
  openReceiving,
  type ReceiveParts,
  type Receiving,
  type Upload,
} from "./receive-import.ts";
export { type ImportParts, importKind } from "./run-import.ts";
export { IMPORT, startImport } from "./start-import.ts";
