// One line of an import, read as strictly as a request's body.
import * as z from "zod";
import type { ImportedLine } from "../../contexts/authoring/authoring.ts";
import { fault } from "../../kernel/fault.ts";
import { ENTRY_ID, SLUG, TYPE_NAME } from "../../kernel/id.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import { jsonObject, readBody, unstorable } from "../input.ts";
import { parseJson } from "../strict-json.ts";

const importLine = z.strictObject({
  type: z.string().regex(TYPE_NAME),
  id: z.string().regex(ENTRY_ID),
  slug: z.string().regex(SLUG).nullable().optional(),
  fields: jsonObject,
  publish: z.boolean().optional(),
});

export function readImportLine(bytes: Uint8Array): Result<ImportedLine> {
  const json = parseJson(bytes, "line");
  if (!json.ok) return json;
  const value = readBody(importLine, json.value);
  if (!value.ok) return value;
  const bad = unstorable(json.value);
  if (bad.length > 0)
    return refuse(fault("invalid", "text-not-storable", "Some text cannot be stored", { errors: bad }));
  const { type, id, slug = null, fields, publish = false } = value.value;
  return ok({ type, id, slug, fields, publish });
}
