// What editors ask of entries, one function each.

import { fault, quote } from "../../kernel/fault.ts";
import { ENTRY_ID } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Written } from "../../platform/event-log/writer.ts";
import { type AuthoringData, changeEntry } from "./change-entry.ts";
import { entryId } from "./entry-id.ts";
import type { Preconditions } from "./preconditions.ts";

type Asked = Scope<AuthoringData>;

export interface OneEntry {
  readonly id: string;
  readonly conditions: Preconditions;
}

export interface NewEntry {
  readonly type: string;
  /** Absent: one is made. */
  readonly id?: string;
  readonly slug: string | null;
  readonly fields: JsonObject;
  readonly publish: boolean;
}

export interface WholeEntry extends OneEntry {
  readonly type: string;
  readonly slug: string | null;
  readonly fields: JsonObject;
}

/** A merge patch (RFC 7396); `undefined`: not mentioned. */
export interface PatchOfEntry extends OneEntry {
  readonly slug?: string | null;
  readonly fields?: JsonObject;
}

export async function createEntry(
  scope: Asked,
  { type, id, slug, fields, publish }: NewEntry,
): Promise<Result<Written>> {
  const chosen = id ?? entryId(scope.clock.now(), scope.data.secrets.random(10));
  if (!ENTRY_ID.test(chosen)) {
    const detail = `An entry's id is a letter or digit and up to 63 letters, digits and _ . : -; found ${quote(chosen)}`;
    return refuse(
      fault("invalid", "invalid-value", detail, { errors: [{ pointer: "/id", code: "invalid-value", detail }] }),
    );
  }
  return await changeEntry(scope, {
    command: { do: "CreateEntry", id: chosen, type, slug, fields, publish },
    conditions: {},
  });
}

export function replaceEntry(scope: Asked, { conditions, ...entry }: WholeEntry): Promise<Result<Written>> {
  return changeEntry(scope, { command: { do: "ReplaceEntry", ...entry }, conditions });
}

export function patchEntry(scope: Asked, { conditions, ...patch }: PatchOfEntry): Promise<Result<Written>> {
  return changeEntry(scope, { command: { do: "PatchEntry", ...patch }, conditions });
}

export function publishEntry(scope: Asked, { id, conditions }: OneEntry): Promise<Result<Written>> {
  return changeEntry(scope, { command: { do: "PublishEntry", id }, conditions });
}

export function unpublishEntry(scope: Asked, { id, conditions }: OneEntry): Promise<Result<Written>> {
  return changeEntry(scope, { command: { do: "UnpublishEntry", id }, conditions });
}

export function archiveEntry(scope: Asked, { id, conditions }: OneEntry): Promise<Result<Written>> {
  return changeEntry(scope, { command: { do: "ArchiveEntry", id }, conditions });
}

export function unarchiveEntry(scope: Asked, { id, conditions }: OneEntry): Promise<Result<Written>> {
  return changeEntry(scope, { command: { do: "UnarchiveEntry", id }, conditions });
}

export function deleteEntry(
  scope: Asked,
  { id, conditions, force }: OneEntry & { readonly force: boolean },
): Promise<Result<Written>> {
  return changeEntry(scope, { command: { do: "DeleteEntry", id }, conditions, force });
}
