// Changes as followers are given them, and what they may ask.
import * as z from "zod";
import { ENTRY_ID, TYPE_NAME } from "../../kernel/id.ts";
import { type Position, position } from "../../kernel/position.ts";
import { ok } from "../../kernel/result.ts";
import { readQuery } from "../input.ts";
import type { QueryReader } from "../operation.ts";
import { LIMIT_DEFAULT, limitParameter } from "../tenancy/page-query.ts";
import { members, type } from "./content-schema.ts";

export interface ChangesQuery {
  /** Absent: from the beginning; for a stream, from the head. */
  readonly after: Position | undefined;
  readonly type: string | undefined;
  readonly limit: number;
}

const isPosition = (text: string): boolean => /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text));

/** Not of a type that must be there: what is no longer there has a past. */
export const typeParameter = z
  .string()
  .regex(TYPE_NAME, { error: "the name of a content type" })
  .optional()
  .meta({ maxLength: 64, description: "Only entries of this content type.", examples: ["city"] });

const documented = z.strictObject({
  after: z
    .string()
    .refine(isPosition, { error: "a position: a whole number from 0" })
    .optional()
    .meta({
      description:
        "Changes after this position. Absent: all, or with `text/event-stream` those from now on. A position that the space has not reached is 503 `position-not-reached`.",
      override: { type: "integer", minimum: 0, default: 0 },
    }),
  type: typeParameter,
  limit: limitParameter,
});

export const changesQuery: QueryReader<ChangesQuery> = {
  documented,
  read(query) {
    const read = readQuery(documented, query);
    if (!read.ok) return read;
    const { after, limit } = read.value;
    return ok({
      after: after === undefined ? undefined : position(Number(after)),
      type: read.value.type,
      limit: limit === undefined ? LIMIT_DEFAULT : Number(limit),
    });
  },
};

const changeSchema = z
  .object({
    position: z.int().min(1).meta({ description: "Of the event; changes of one commit have consecutive ones." }),
    timestamp: z.iso.datetime(),
    kind: z.enum(["published", "unpublished", "deleted"]).meta({
      description:
        "`unpublished` also when an entry was archived. `deleted` of every entry that was ever published, also when it was unpublished before.",
    }),
    type,
    id: z
      .string()
      .regex(ENTRY_ID)
      .meta({ maxLength: 64, examples: ["paris"] }),
    version: z.int().min(1).meta({ description: "The version that was published, or that was withdrawn." }),
    entry: z.object(members).optional().meta({
      id: "ChangedContent",
      description:
        "What was published then, in every locale. Absent when the entry has been deleted or erased since, and, without `content:preview`, while it is unpublished: a later change says so.",
    }),
  })
  .meta({ id: "Change" });

export const changesSchema = z
  .object({
    data: z.array(changeSchema).meta({ description: "In order of position. Empty only at the head." }),
    page: z
      .object({
        next: z
          .int()
          .min(0)
          .meta({ description: "`after` of the next page: where this one ends. At the head it is the head." }),
        head: z.int().min(0).meta({ description: "The space's position when this was read." }),
        truncated: z.enum(["bytes", "commit"]).optional().meta({
          description:
            "Why the page is shorter than its limit: 6 MiB were reached. `commit`: one commit alone is larger, and the page ends inside it; go on at once.",
        }),
      })
      .meta({ id: "ChangesPage" }),
  })
  .meta({ id: "Changes" });

export const eventsSchema = z.string().meta({
  description:
    "Server-sent events: `event: change`, `id:` its position, `data:` one change as JSON. A comment every 15 s.",
  examples: [
    'event: change\nid: 42\ndata: {"position":42,"kind":"deleted","type":"city","id":"paris","version":3}\n\n',
  ],
});
