// The door of delivery: what readers are given, and the sort rows that writers keep for it.
export type { DeliveryData } from "./asking.ts";
export type { Signer } from "./cursor.ts";
export { type Document, showContent, showEntry } from "./document.ts";
export { type Export, type ExportEntries, exportEntries } from "./export-entries.ts";
export { OPERATORS } from "./filter-text.ts";
export { type GetContent, type Got, getContent } from "./get-content.ts";
export { type Changes, type ListChanges, listChanges } from "./list-changes.ts";
export { type Count, type ListContent, type Listed, listContent, listEntries } from "./list-content.ts";
export {
  ENTRIES_PARAMETERS,
  LIST_PARAMETERS,
  ONE_PARAMETERS,
  type QueryText,
  readQueryText,
} from "./query-text.ts";
export { type Read, readsOfNothing } from "./reads.ts";
export { sortRowOf, termOf } from "./sort-row.ts";
export type { CompositeShape, FieldShape, TypeShape, ValueKind } from "./type-shape.ts";
