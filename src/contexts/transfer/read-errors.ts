// The errors of an import, line by line in the order of the file, page after page.
import { sql } from "drizzle-orm";
import type { JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import { jobMissing, jobStatement } from "../../platform/jobs/ask-job.ts";
import { IMPORT } from "./start-import.ts";

/** Chunks a page: each has a hundred lines, and each line a few errors. A page ends with the chunk that makes it so large: one answer carries it. */
const PAGE = 5;
const PAGE_BYTES = 1024 * 1024;

export interface ImportErrors {
  readonly position: Position;
  readonly source: string;
  /** NDJSON. A refusal is the last part of what could not be read to its end. */
  readonly parts: AsyncGenerator<Result<string>, void>;
}

/** Refuses with `missing`/`job-missing`. `later`: for the pages after the first. */
export async function readImportErrors(
  { space, data: { reader } }: Scope<{ readonly reader: Reader }>,
  id: string,
  later: Reader,
): Promise<Result<ImportErrors>> {
  const page = (after: number) => sql`select p.n, p.errors from (
      select c.n, c.errors, coalesce(sum(octet_length(c.errors::text)) over (order by c.n rows between unbounded preceding and 1 preceding), 0) as before
        from (select c.n, c.errors from import_chunks c where c.space = ${space.uid} and c.job = ${id}
          and c.n > ${after} and c.errors <> '[]' order by c.n limit ${PAGE}) c) p where p.before < ${PAGE_BYTES} order by p.n`;
  const answer = await reader.read([jobStatement(space.uid, { kind: IMPORT, id }), page(-1)]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  if (rows[0]?.[0] === undefined) return refuse(jobMissing(id));

  async function* parts(): AsyncGenerator<Result<string>, void> {
    for (let found: readonly Row[] = rows[1] ?? []; found.length > 0; ) {
      yield ok(found.map(({ errors }) => textOf(errors as readonly JsonObject[])).join(""));
      const next = await later.read([page(Number(found.at(-1)?.["n"]))]);
      if (!next.ok) {
        yield next;
        return;
      }
      found = next.value.rows[0] ?? [];
    }
  }
  return ok({ position, source, parts: parts() });
}

/** What was found while publishing was noted after what was found while reading. */
function textOf(errors: readonly JsonObject[]): string {
  return errors
    .toSorted((one, other) => Number(one["line"]) - Number(other["line"]))
    .map(({ line, pointer, code, detail }) => `${JSON.stringify({ line, pointer, code, detail })}\n`)
    .join("");
}
