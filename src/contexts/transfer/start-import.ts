// An uploaded file becomes a job: its row and those of its chunks are there before anybody is told to begin.
import { type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Written } from "../../platform/event-log/writer.ts";
import { askJob, type JobData } from "../../platform/jobs/ask-job.ts";
import type { ImportMode } from "../authoring/authoring.ts";
import { BACKLOG, IMPORTS_MOST, IMPORTS_MOST_OF_ALL, type Upload } from "./receive-import.ts";

export const IMPORT = "import";

/** 202. Refuses with `limited`/`jobs-too-many`, `unavailable`/`overloaded`. The file is then the caller's to remove, as after a repetition. */
export async function startImport(
  scope: Scope<JobData>,
  { upload, mode }: { readonly upload: Upload; readonly mode: ImportMode },
): Promise<Result<Written>> {
  const { job, key, bytes, chunks, received } = upload;
  const counted = { processed: 0, created: 0, updated: 0, unchanged: 0, failed: 0, position: null };
  const written = await askJob(scope, {
    ...{ kind: IMPORT, id: job, lane: IMPORT, most: IMPORTS_MOST, path: "imports", does: "import" },
    plan: { key, mode, bytes, chunks: chunks.length },
    shown: { mode, received, ...counted },
    more: { chunks, mostOfAll: IMPORTS_MOST_OF_ALL },
  });
  if (written.ok || written.fault.code !== "backlog") return written;
  const { position } = written.fault;
  return refuse(position === undefined ? BACKLOG : { ...BACKLOG, position });
}
