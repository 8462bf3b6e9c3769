// Makes a space in three steps: claim its id in the directory, make the space on its shard, let the id lead there.
// Each step can be repeated, so after a crash anywhere the same Idempotency-Key goes on where it stopped; see settle-claims.ts for the rest.
import { fault, quote } from "../../kernel/fault.ts";
import { SPACE_ID } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ORIGIN, position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope, SpaceRef } from "../../kernel/scope.ts";
import type { Change, Outcome } from "../../platform/event-log/commit.ts";
import type { Written } from "../../platform/event-log/writer.ts";
import { activateSpace, CREATION_UNFINISHED, claimSpace, freeClaim, releaseClaim } from "./directory.ts";
import { NO_SPACE, type SpaceEvent, type SpaceSettings } from "./domain/space.ts";
import { decideSpace } from "./domain/space-decisions.ts";
import { findMadeSpace, type Registry } from "./registry.ts";
import { hex } from "./secrets.ts";
import { etagOf, type SpaceTimes, spaceView } from "./space.ts";

export interface CreateSpace {
  readonly id: string;
  readonly residency: string;
  /** Everything else: see `checkSettings`. */
  readonly settings: JsonObject;
}

const FIRST_EPOCH = 1;
const FIRST_REVISION = 1;

export async function createSpace(
  scope: Scope<Registry>,
  { id, residency, settings }: CreateSpace,
): Promise<Result<Written>> {
  const { home, secrets, idempotency, residencies } = scope.data;
  if (!SPACE_ID.test(id))
    return refuse(
      invalid("/id", `A space's id is 2 to 39 of a-z, 0-9 and "-", beginning with a letter: ${quote(id)} is not`),
    );
  if (!residencies.includes(residency))
    return refuse(invalid("/residency", `There is no residency ${quote(residency)}: ${residencies.join(", ")}`));
  const decided = decideSpace({ type: "CreateSpace", settings }, NO_SPACE, id);
  if (!decided.ok) return decided;
  const [event] = decided.value as readonly [SpaceEvent & { readonly type: "SpaceCreated" }];

  const holder = hex(secrets.random(16));
  await scope.data.markClaim();
  const claimed = await claimSpace(home, { id, residency, holder, idempotency });
  if (!claimed.ok) return claimed;
  if ("rendered" in claimed.value) return ok(claimed.value);

  const ref = claimed.value;
  const made = await makeSpace(scope.data, ref, event.data.settings);
  if (!made.ok) {
    // Neither may hide the refusal; what they leave undone the sweep does.
    await (made.fault.code === "outcome-unknown" ? releaseClaim : freeClaim)(home, ref.uid, holder);
    return made;
  }
  const active = await activateSpace(home, ref.uid, made.value);
  if (active.ok || active.fault.kind !== "unavailable") return active;
  const again = await activateSpace(home, ref.uid, made.value, "insists");
  return again.ok ? again : refuse(CREATION_UNFINISHED);
}

/** The space on its shard, at position 1; when an earlier attempt has made it there, its answer. */
async function makeSpace(registry: Registry, ref: SpaceRef, settings: SpaceSettings): Promise<Result<Written>> {
  const writer = registry.writerOf(ref);
  const change: Change = {
    create: { epoch: FIRST_EPOCH },
    streams: [{ i: 0, id: "space", x: 0, n: 1 }],
    events: [
      {
        n: 1,
        stream: "space",
        version: FIRST_REVISION,
        type: "SpaceCreated",
        schema: 1,
        data: { settings },
        tags: ["settings"],
      },
    ],
    settings: { id: ref.id, state: "active", document: settings, revision: FIRST_REVISION },
    moved: { settings: 1 },
  };
  const { at } = writer.marks;
  const made = await writer.commit(change, creationOf(ref, settings, { createdAt: at, updatedAt: at }));
  if (made.ok || made.fault.code !== "space-exists") return made;
  const existing = await answerOfMade(registry, ref);
  if (!existing.ok) return existing;
  return existing.value === undefined ? made : ok(existing.value);
}

/** What the creation of a space answered or would have answered, from the space itself; `undefined` when its shard does not have it. */
export async function answerOfMade(registry: Registry, ref: SpaceRef): Promise<Result<Written | undefined>> {
  const found = await findMadeSpace(registry, ref);
  if (!found.ok) return found;
  if (found.value === undefined) return ok(undefined);
  const { settings, createdAt, updatedAt } = found.value.record;
  const answer = registry
    .writerOf(ref)
    .unchanged(creationOf(ref, settings, { createdAt, updatedAt }), position(ORIGIN + 1));
  return ok({ ...answer, unchanged: false });
}

function creationOf(ref: SpaceRef, settings: SpaceSettings, times: SpaceTimes): Outcome {
  return {
    view: spaceView(ref, settings, times),
    created: true,
    etag: etagOf(FIRST_EPOCH, FIRST_REVISION),
    location: `spaces/${ref.id}`,
  };
}

function invalid(pointer: string, detail: string): ReturnType<typeof fault> {
  return fault("invalid", "invalid-value", detail, { errors: [{ pointer, code: "invalid-value", detail }] });
}
