// What spaces are made, found, changed and ended with; and how one is found.
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope, SpaceRef } from "../../kernel/scope.ts";
import type { Home, Reader } from "../../platform/database/database.ts";
import type { Writer } from "../../platform/event-log/writer.ts";
import { decodeDirectory, directoryStatement } from "./directory.ts";
import { spaceMissing } from "./domain/space-decisions.ts";
import type { Secrets } from "./secrets.ts";
import { decodeSpace, type SpaceRecord, spaceStatement } from "./space.ts";

export interface Registry {
  readonly home: Home;
  /** Strongly consistent. */
  readerOf(space: SpaceRef): Reader;
  /** Renders `Location` from `/v1/`; keeps answers under the request's idempotency key. */
  writerOf(space: SpaceRef): Writer;
  /** Before a claim: asks the sweep to look after it, should its request not live to. Never throws. */
  markClaim(): Promise<void>;
  /** Residencies that there is a shard for. */
  readonly residencies: readonly string[];
  readonly secrets: Secrets;
  /** SHA-256 of this request's credential and `Idempotency-Key`, and of the request, in hex. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
}

export interface FoundSpace {
  /** With the epoch that the space itself knows. */
  readonly ref: SpaceRef;
  readonly record: SpaceRecord;
  readonly position: Position;
  readonly source: string;
}

async function locateSpace(registry: Registry, id: string): Promise<Result<SpaceRef>> {
  const rows = await registry.home.call(directoryStatement(id));
  if (!rows.ok) return rows;
  const row = rows.value[0];
  return row === undefined ? refuse(spaceMissing(id)) : ok(decodeDirectory(row));
}

/** Refuses with `missing`/`space-missing` for a space that is being made or was deleted, as for one that never was. */
export async function getSpace(
  { data: registry }: Scope<Registry>,
  { id }: { readonly id: string },
): Promise<Result<FoundSpace>> {
  const ref = await locateSpace(registry, id);
  if (!ref.ok) return ref;
  const found = await findMadeSpace(registry, ref.value);
  if (!found.ok) return found;
  return found.value?.record.state === "active" ? ok(found.value) : refuse(spaceMissing(id));
}

/** The space as its shard has it, `undefined` when it was not made there. */
export async function findMadeSpace({ readerOf }: Registry, ref: SpaceRef): Promise<Result<FoundSpace | undefined>> {
  const answer = await readerOf(ref).read([spaceStatement(ref.uid)]);
  if (!answer.ok) return answer.fault.kind === "missing" ? ok(undefined) : answer;
  const row = answer.value.rows[0]?.[0];
  if (row === undefined) return ok(undefined);
  const record = decodeSpace(row);
  return ok({
    ref: { ...ref, epoch: record.epoch },
    record,
    position: answer.value.position,
    source: answer.value.source,
  });
}
