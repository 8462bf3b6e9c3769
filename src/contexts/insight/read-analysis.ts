// What was found about an entry, as it was when it was last looked at.
import { type SQL, sql } from "drizzle-orm";
import { fault, quote } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";

export interface AnalysisData {
  readonly reader: Reader;
  readonly settings: { readonly locales: readonly string[]; readonly defaultLocale: string };
}

export interface Reading {
  readonly body: JsonObject;
  readonly position: Position;
  readonly source: string;
}

/**
 * An entry's analysis as JSON, or NULL: for a locale in which nothing of it has a text of its own, the default locale's, whose text its readers
 * are given. For anybody's select list; costs one look-up.
 */
export function analysisSql(space: number, id: SQL, locale: string, defaultLocale: string): SQL {
  return sql`(select jsonb_build_object('score', a.score, 'checks', a.checks, 'analysedVersion', a.version, 'locale', a.locale,
        'analysedAt', to_char(a.analysed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      from analyses a where a.space = ${space}::int and a.id = ${id} and a.locale in (${locale}::text, ${defaultLocale}::text)
      order by a.locale = ${locale}::text desc limit 1)`;
}

/** Refuses with `missing`/`entry-missing` or `analysis-missing`, `malformed`/`invalid-parameter`. */
export async function getAnalysis(
  { space, data: { reader, settings } }: Scope<AnalysisData>,
  { id, locale = settings.defaultLocale }: { readonly id: string; readonly locale?: string | undefined },
): Promise<Result<Reading>> {
  if (!settings.locales.includes(locale)) {
    const detail = `Locale ${quote(locale)} is none of this space: ${settings.locales.join(", ")}`;
    return refuse(
      fault("malformed", "invalid-parameter", detail, {
        errors: [{ parameter: "locale", code: "invalid-parameter", detail }],
      }),
    );
  }
  const answer = await reader.read([
    sql`select e.published_version, ${analysisSql(space.uid, sql`e.id`, locale, settings.defaultLocale)} as analysis
        from entries e where e.space = ${space.uid} and e.id = ${id}`,
  ]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const row = rows[0]?.[0];
  if (row === undefined)
    return refuse(fault("missing", "entry-missing", `There is no entry ${quote(id)}`, { position }));
  if (row["analysis"] !== null) return ok({ body: row["analysis"] as JsonObject, position, source });
  const why =
    row["published_version"] === null
      ? "it is not published"
      : "it was published a moment ago, or could not be looked at";
  return refuse(
    fault("missing", "analysis-missing", `There is no analysis of entry ${quote(id)}: ${why}`, { position }),
  );
}
