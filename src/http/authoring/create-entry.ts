// POST /v1/spaces/{space}/entries

import * as z from "zod";
import { createEntry as create } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryCreated, newEntry } from "./entry-schema.ts";

export const createEntry = write({
  id: "createEntry",
  tag: "Entries",
  summary: "Create an entry",
  description: "A draft, or with `publish` a published entry at once. References are checked when it is published.",
  params: z.object({}),
  body: { schema: newEntry, media: ["application/json"] },
  answers: [entryCreated],
  faults: [
    "entry-exists",
    "slug-taken",
    "type-unknown",
    "schema-violation",
    "fields-too-large",
    "write-too-large",
    "reference-missing",
    "scope-missing",
    "conflict",
  ],
  handle: (scope, { body: { type, id, slug = null, fields, publish = false } }) =>
    create(scope, { type, slug, fields, publish, ...(id === undefined ? {} : { id }) }),
});
