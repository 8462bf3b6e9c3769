// Which events of the log the world is told of, and under which name. What is not told has no name here.
import { fault } from "../../../kernel/fault.ts";
import type { JsonObject } from "../../../kernel/json.ts";
import { ok, type Result, refuse } from "../../../kernel/result.ts";
import type { Announcement } from "./webhook.ts";

export interface Logged {
  readonly stream: string;
  readonly type: string;
  readonly schema: number;
  readonly data: JsonObject;
  /** The content type of an entry. */
  readonly entryType: string | null;
}

export interface Announced {
  readonly event: Announcement;
  /** For those who do not ask for `event`: archiving a published entry withdraws it too, and is one event. */
  readonly instead?: Announcement;
  /** What `types` filters by; absent: no filter keeps it back. */
  readonly type?: string;
}

const OF_ENTRIES: Readonly<Record<string, Announcement>> = {
  EntryCreated: "entry.created",
  EntryUpdated: "entry.updated",
  EntryPublished: "entry.published",
  EntryUnpublished: "entry.unpublished",
  EntryArchived: "entry.archived",
  EntryUnarchived: "entry.unarchived",
  EntryDeleted: "entry.deleted",
};
const OF_OTHERS: Readonly<Record<string, Announcement>> = {
  TypeSaved: "type.saved",
  TypeDeleted: "type.deleted",
  ReleasePublished: "release.published",
  WebhookDisabled: "webhook.disabled",
};
/** Version of the events' shapes that is understood. */
const SCHEMA = 1;

/** `undefined`: nobody is told. Refuses with `unsupported`/`event-unknown` what a later release has written. */
export function announcementOf({ stream, type, schema, data, entryType }: Logged): Result<Announced | undefined> {
  const [kind = "", id = ""] = [stream.slice(0, stream.indexOf(":")), stream.slice(stream.indexOf(":") + 1)];
  if (kind !== "entry") {
    const event = OF_OTHERS[type];
    if (event === undefined) return ok(undefined);
    if (schema !== SCHEMA) return refuse(unknown(type, schema));
    return ok(kind === "type" ? { event, type: id } : { event });
  }
  const event = OF_ENTRIES[type];
  if (event === undefined || schema !== SCHEMA || entryType === null) return refuse(unknown(type, schema));
  const withdrew = type === "EntryArchived" && data["withdrew"] === true;
  return ok({ event, type: entryType, ...(withdrew ? { instead: "entry.unpublished" } : {}) });
}

function unknown(type: string, schema: number) {
  return fault(
    "unsupported",
    "event-unknown",
    `Cannot tell of an event ${type} of version ${schema}: this release does not know it`,
  );
}
