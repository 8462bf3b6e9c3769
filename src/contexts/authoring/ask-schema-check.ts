// A type with many entries is saved by a job: from here on writers satisfy both schemas, and the job looks at what was written before.
import type { Result } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Written } from "../../platform/event-log/writer.ts";
import { askJob, type JobData } from "../../platform/jobs/ask-job.ts";
import type { TypeShape } from "../delivery/delivery.ts";
import type { AuthoringData } from "./change-entry.ts";
import type { TypeDocument } from "./content-type.ts";
import { asJson, shapeAsJson } from "./type-document.ts";

/** What writes of content types are given: some of them go on behind the answer. */
export type TypeData = AuthoringData & JobData;

export const SCHEMA_CHECK = "schema-check";

export interface SchemaCheck {
  readonly type: string;
  readonly revision: number;
  readonly document: TypeDocument;
  /** False: existing entries may break the schema. */
  readonly judges: boolean;
  /** What rows and references hold until the type is saved; `undefined`: what they hold already. */
  readonly rows: TypeShape | undefined;
}

/** 202. Refuses with `conflict`/`version-conflict` when the type has moved, or another check of it has begun or ended. */
export function askSchemaCheck(
  scope: Scope<TypeData>,
  { type, revision, document, judges, rows }: SchemaCheck,
): Promise<Result<Written>> {
  return askJob(scope, {
    ...{ kind: SCHEMA_CHECK, of: type, path: `types/${type}/checks`, does: "schema_check" },
    plan: { type, revision, judges },
    shown: { type, checked: 0, position: null },
    more: { type, revision, document: asJson(document), ...(rows === undefined ? {} : { rows: shapeAsJson(rows) }) },
  });
}
