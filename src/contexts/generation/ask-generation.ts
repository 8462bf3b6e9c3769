// Asking for a draft: checked as far as it can be before anybody is paid, then a job.
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import { isStorable } from "../../kernel/json.ts";
import { type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Written } from "../../platform/event-log/writer.ts";
import { askJob, type JobData } from "../../platform/jobs/ask-job.ts";
import type { ContentType } from "../authoring/authoring.ts";
import { notDraftable } from "./domain/wanted.ts";

export interface GenerationData extends JobData {
  /** Of the provider; absent: none is configured. */
  readonly generation: { readonly model: string } | undefined;
  readonly types: ReadonlyMap<string, ContentType>;
  readonly settings: { readonly locales: readonly string[]; readonly defaultLocale: string };
}

export interface AskGeneration {
  readonly type: string;
  readonly brief: string;
  /** Absent: the default locale. */
  readonly locale?: string | undefined;
}

export const GENERATION = "generation";
export const BRIEF_MOST = 4_000;
/** Unfinished ones of a space. */
const MOST_UNFINISHED = 20;

/**
 * 202 with the job. Refuses with `unsupported`/`generation-not-configured`, `invalid`/`type-unknown`, `invalid-value`, `type-not-draftable`, and as
 * `askJob` does.
 */
export async function askGeneration(scope: Scope<GenerationData>, asked: AskGeneration): Promise<Result<Written>> {
  const { generation, types, settings } = scope.data;
  if (generation === undefined) return refuse(NOT_CONFIGURED);
  const { type, brief, locale = settings.defaultLocale } = asked;
  const known = types.get(type);
  if (known === undefined) return refuse(about("type", "type-unknown", `There is no content type ${quote(type)}`));
  if (!settings.locales.includes(locale))
    return refuse(
      about("locale", "invalid-value", `Locale ${quote(locale)} is none of this space: ${settings.locales.join(", ")}`),
    );
  if (!isStorable(brief))
    return refuse(about("brief", "invalid-value", "The brief holds characters that no text may hold"));
  const missing = notDraftable({ schema: known.document.schema, fields: known.shape.fields });
  if (missing.length > 0) {
    const detail = `Entries of type ${quote(type)} cannot be drafted: they need ${missing.map(quote).join(", ")}, which refer to other entries`;
    return refuse(about("type", "type-not-draftable", detail));
  }
  return await askJob(scope, {
    kind: GENERATION,
    plan: { type, brief, locale },
    shown: { type, locale, model: generation.model, entry: null, usage: NOTHING_USED },
    most: MOST_UNFINISHED,
    path: "generations",
  });
}

export const NOTHING_USED = { requests: 0, promptTokens: 0, completionTokens: 0, totalTokens: 0 };

const NOT_CONFIGURED = fault(
  "unsupported",
  "generation-not-configured",
  "This deployment has no provider that drafts entries: its operator has not set one up",
);

function about(member: string, code: string, detail: string): Fault {
  return fault("invalid", code, detail, { errors: [{ pointer: `/${member}`, code, detail }] });
}
