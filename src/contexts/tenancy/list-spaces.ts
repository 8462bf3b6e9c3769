// Every space by id, page by page: ids from the directory, settings from the spaces' own shards.
import { fault } from "../../kernel/fault.ts";
import { SPACE_ID } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope, SpaceRef } from "../../kernel/scope.ts";
import { decodeDirectory, directoryPageStatement } from "./directory.ts";
import type { Registry } from "./registry.ts";
import { decodeSpace, type SpaceRecord, spacesStatement, spaceView } from "./space.ts";

export interface SpacePage {
  readonly data: readonly JsonObject[];
  readonly next: string | null;
}

/** The cursor is the last id of the page before. One request to the home shard and one to each shard that the page touches. */
export async function listSpaces(
  scope: Scope<Registry>,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Result<SpacePage>> {
  const { home } = scope.data;
  if (cursor !== undefined && !SPACE_ID.test(cursor))
    return refuse(fault("malformed", "cursor-invalid", "This cursor was not given by this list"));
  const rows = await home.call(directoryPageStatement(cursor ?? "", limit + 1));
  if (!rows.ok) return rows;
  const refs = rows.value.map(decodeDirectory);
  const shown = refs.slice(0, limit);
  const last = shown.at(-1);
  const residencies = [...new Set(shown.map((ref) => ref.residency))];
  const found = await Promise.all(
    residencies.map((residency) =>
      readShard(
        scope.data,
        shown.filter((ref) => ref.residency === residency),
      ),
    ),
  );
  const records = new Map<number, SpaceRecord>();
  for (const shard of found) {
    if (!shard.ok) return shard;
    for (const record of shard.value) records.set(record.uid, record);
  }
  const data = shown.flatMap((ref) => {
    const record = records.get(ref.uid);
    // The shard decides whether a space is deleted; the directory may not have followed yet.
    return record?.state === "active" ? [spaceView(ref, record.settings, record)] : [];
  });
  return ok({ data, next: refs.length > limit && last ? last.id : null });
}

async function readShard({ readerOf }: Registry, refs: readonly SpaceRef[]): Promise<Result<readonly SpaceRecord[]>> {
  const [first] = refs;
  if (first === undefined) return ok([]);
  const answer = await readerOf(first).read([spacesStatement(refs.map((ref) => ref.uid))]);
  return answer.ok ? ok((answer.value.rows[0] ?? []).map(decodeSpace)) : answer;
}
