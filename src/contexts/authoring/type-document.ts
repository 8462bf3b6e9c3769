// What an editor sends as a content type → the document that is kept, or every reason why not.
import { type Fault, fault } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { TypeDocument } from "./content-type.ts";
import { checkSchema } from "./domain/dialect.ts";
import { utf8Length, writtenOut } from "./domain/field-rules.ts";
import type { SchemaEngine } from "./schema-engine.ts";
import { unsupported } from "./shape-of.ts";

/** UTF-8 bytes of one type, as JSON. */
export const MAX_DOCUMENT_BYTES = 128 * 1024;
/** … of all types of a space: every isolate that serves the space keeps them in memory. */
export const MAX_DOCUMENTS_BYTES = 2 * 1024 * 1024;

/** With what is left out written out, so that saying a default is no change. */
export function normalized(document: TypeDocument): Required<TypeDocument> {
  const { name, schema, indexes = [], requireIfMatch = false } = document;
  return { name, schema, indexes, requireIfMatch };
}

/** Refuses with `invalid`/`schema-unsupported`. */
export function whyNotDocument(document: TypeDocument, schemas: SchemaEngine): Fault | undefined {
  const bytes = sizeOf(document);
  if (bytes > MAX_DOCUMENT_BYTES) {
    return unsupported([
      {
        pointer: "/schema",
        code: "schema-too-large",
        detail: `A content type may take ${MAX_DOCUMENT_BYTES} bytes as JSON; it takes ${bytes}`,
      },
    ]);
  }
  const items = checkSchema(document.schema, (pattern) => schemas.whyNotPattern(pattern));
  return items.length > 0 ? unsupported(items) : undefined;
}

/** Refuses with `conflict`/`types-too-large` what would make a space's types more than an isolate should hold. */
export function whyTooMany(
  type: string,
  document: TypeDocument,
  others: Iterable<{ readonly type: string; readonly document: TypeDocument }>,
): Fault | undefined {
  let bytes = sizeOf(document);
  for (const other of others) if (other.type !== type) bytes += sizeOf(other.document);
  if (bytes <= MAX_DOCUMENTS_BYTES) return undefined;
  return fault(
    "conflict",
    "types-too-large",
    `All content types of a space may take ${MAX_DOCUMENTS_BYTES} bytes as JSON; with this one they would take ${bytes}`,
  );
}

/** A document as JSON: nothing in it is anything else. */
export function asJson(document: TypeDocument): JsonObject {
  return { ...document };
}

function sizeOf(document: TypeDocument): number {
  // Postgres writes numbers out in full: what is kept must be readable again.
  return utf8Length(JSON.stringify(document)) + writtenOut(document.schema);
}
