// Imports as whoever asked for them gets them.
import * as z from "zod";
import { FILE_MOST, type Upload } from "../../contexts/transfer/transfer.ts";
import { jobIdParam, jobSchema } from "../jobs/job-schema.ts";
import { spaceParams } from "../tenancy/space-schema.ts";

export const oneImport = spaceParams.extend({ job: jobIdParam });

const count = z.int().min(0);
export const importSchema = jobSchema("import")
  .extend({
    mode: z.enum(["upsert", "create"]),
    received: count.meta({ description: "Lines of the file that have something in them." }),
    processed: count.meta({ description: "Lines that are through: created + updated + unchanged + failed." }),
    created: count,
    updated: count,
    unchanged: count.meta({
      description: "Lines whose draft was equal and, with `publish`, published already. They take no position.",
    }),
    failed: count.meta({ description: "Lines with errors." }),
    position: count.nullable().meta({ description: "Of its last commit; null when there was none." }),
  })
  .meta({ id: "Import" });

export const importList = (page: z.ZodType) => z.object({ data: z.array(importSchema), page });

/** What the body becomes on its way in. */
export const importFile = z.custom<Upload>().meta({
  override: {
    type: "string",
    maxLength: FILE_MOST,
    description:
      "One JSON object a line: `type`, `id`, `fields`, and `slug` and `publish` where there are any. At most 95 MB and a million lines, a line at most 1 MiB.",
    examples: ['{"type":"city","id":"paris","slug":"paris","fields":{"name":{"en":"Paris"}},"publish":true}\n'],
  },
});

export const importErrors = z.string().meta({
  description: "One JSON object a line: `line` (physical, from 1), `pointer` into it, `code`, `detail`; in order.",
  examples: ['{"line":3,"pointer":"/fields/name","code":"required","detail":"\\"name\\" is required"}\n'],
});
