// GET /v1/spaces/{space}/export
import * as z from "zod";
import { exportEntries as open } from "../../contexts/delivery/delivery.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { pause } from "../pause.ts";
import { typeParameter } from "./changes-schema.ts";
import { perspective } from "./content-query.ts";

export const exportEntries = read({
  id: "exportEntries",
  tag: "Following",
  summary: "Export entries as NDJSON",
  description:
    "One entry a line, ordered by type and id, as imports take them. Published content is given as it stood at `Meridian-Position`, however long the export takes, in as many lines as `Meridian-Lines` says. " +
    "Drafts (`perspective=draft`, archived ones left out) have no history: each line is a state that the draft had between that position and the end. " +
    "An export that cannot be finished is broken off and does not end like one that was: over HTTP/1.1 without the last chunk, over HTTP/2 with a reset.",
  from: "nearest",
  params: z.object({}),
  query: z.strictObject({ type: typeParameter, perspective }),
  answers: [
    {
      status: 200,
      description: "The entries.",
      media: "application/x-ndjson",
      schema: z.string().meta({
        description:
          "One JSON object a line: `type`, `id`, `slug` where there is one, `fields`, and `publish` where it is to be published.",
        examples: ['{"type":"city","id":"paris","slug":"paris","fields":{"name":{"en":"Paris"}},"publish":true}\n'],
      }),
      headers: ["Meridian-Lines"],
    },
  ],
  faults: ["type-missing"],
  async handle(scope, { query }, live) {
    const { wait, stop } = pause();
    const asked = { type: query.type, perspective: query.perspective ?? "published" };
    const opened = await open(scope, asked, { reader: live.reader, wait });
    if (!opened.ok) return opened;
    const { position, source, lines, parts } = opened.value;
    const headers: Record<string, string> = lines === undefined ? {} : { "Meridian-Lines": String(lines) };
    return ok({ media: "application/x-ndjson", parts, stop, position, source, headers });
  },
});
