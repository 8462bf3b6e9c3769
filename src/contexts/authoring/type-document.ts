// What an editor sends as a content type → the document that is kept, or every reason why not.
import type { Fault } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { TypeShape } from "../delivery/delivery.ts";
import type { TypeDocument } from "./content-type.ts";
import { checkSchema } from "./domain/dialect.ts";
import { utf8Length, writtenOut } from "./domain/field-rules.ts";
import type { SchemaEngine } from "./schema-engine.ts";
import { unsupported } from "./shape-of.ts";

/** UTF-8 bytes of one type, as JSON. */
export const MAX_DOCUMENT_BYTES = 128 * 1024;
/**
 * Bytes of all types of a space, each with its shape and its row, as every place that answers loads them in one answer and keeps them in
 * memory. Measured by the commit under the space's lock: nobody else knows what is saved at the same time.
 */
export const MAX_TYPES_BYTES = 4 * 1024 * 1024;

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
  const items = checkSchema(document.schema, (pattern) => schemas.measurePattern(pattern));
  return items.length > 0 ? unsupported(items) : undefined;
}

/** A document as JSON: nothing in it is anything else. */
export function asJson(document: TypeDocument): JsonObject {
  return { ...document };
}

/** Nothing in a shape is anything but JSON; an interface cannot say so. */
export function shapeAsJson(shape: TypeShape): JsonObject {
  return shape as unknown as JsonObject;
}

function sizeOf(document: TypeDocument): number {
  // Postgres writes numbers out in full: what is kept must be readable again.
  return utf8Length(JSON.stringify(document)) + writtenOut(document.schema);
}
