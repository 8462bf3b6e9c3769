// One entry's text in one locale, analysed slice by slice.
import type { JsonObject } from "../../kernel/json.ts";
import { type Analysis, analysisOf } from "./domain/checks.ts";
import { localesIn, type Passage, passagesOf, rolesOf } from "./domain/passages.ts";
import { slicesOf } from "./domain/slices.ts";
import { counterOf, newTally, type Tally } from "./domain/tally.ts";
import type { English, ReadMarkdown } from "./ports.ts";

export interface AnalyseParts {
  readonly readMarkdown: ReadMarkdown;
  readonly english: English;
  /** Between slices, so that whoever else is here has their turn. */
  pause(): Promise<void>;
}

export interface Written {
  readonly schema: JsonObject;
  readonly fields: JsonObject;
  readonly locales: readonly string[];
  readonly defaultLocale: string;
}

export interface Analysed extends Analysis {
  readonly locale: string;
}

/** Characters of bodies, of one entry in all its locales together. */
export const MOST_CHARACTERS = 60_000;

/** `spent`: characters of bodies that were looked at. */
export async function analyse(
  parts: AnalyseParts,
  { schema, fields, locales, defaultLocale }: Written,
): Promise<{ readonly analyses: readonly Analysed[]; readonly spent: number }> {
  const roles = rolesOf(schema);
  const wanted = localesIn(roles, fields, locales, defaultLocale);
  const share = Math.floor(MOST_CHARACTERS / wanted.length);
  const analyses: Analysed[] = [];
  let spent = 0;
  for (const locale of wanted) {
    const passages = passagesOf(roles, fields, locale, defaultLocale);
    const bodies = (passages.bodies ?? []).filter(({ text }) => text !== "");
    const language = languageOf(bodies, locale);
    const tally = await count(parts, bodies, language, share);
    spent += tally.characters;
    const ease = language === "en" && tally.sentences > 0 ? parts.english.ease(tally) : undefined;
    analyses.push({ locale, ...analysisOf({ passages, tally, language, ease }) });
  }
  return { analyses, spent };
}

async function count(parts: AnalyseParts, bodies: readonly Passage[], language: string, most: number): Promise<Tally> {
  const tally = newTally();
  if (bodies.length === 0) return tally;
  const add = counterOf(language, language === "en" ? parts.english.syllables : undefined);
  for (const { text } of bodies) {
    const { slices, cut } = slicesOf(text, most - tally.characters);
    if (cut) tally.cut = true;
    for (const slice of slices) {
      add(tally, slice, parts.readMarkdown(slice));
      await parts.pause();
    }
  }
  return tally;
}

/** Primary subtag (BCP 47). Text that is partly in another language than the rest has none that could be measured. */
function languageOf(bodies: readonly Passage[], locale: string): string {
  const all = new Set((bodies.length === 0 ? [{ locale }] : bodies).map((each) => each.locale.split("-")[0] ?? ""));
  const [first = "und"] = all;
  return all.size === 1 ? first.toLowerCase() : "und";
}
