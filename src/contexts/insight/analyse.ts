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

/** Slices, of one entry in all its locales together; each locale has one at least. */
const MOST_SLICES = 120;
/** What a slice costs beside its characters, and an entry beside its slices, in characters. */
const SLICE_COST = 300;

/** `spent`: characters of bodies that were looked at, and what each slice costs beside them. */
export async function analyse(
  parts: AnalyseParts,
  { schema, fields, locales, defaultLocale }: Written,
): Promise<{ readonly analyses: readonly Analysed[]; readonly spent: number }> {
  const roles = rolesOf(schema);
  const wanted = localesIn(roles, fields, locales, defaultLocale);
  const share = {
    characters: Math.floor(MOST_CHARACTERS / wanted.length),
    slices: Math.max(1, Math.floor(MOST_SLICES / wanted.length)),
  };
  const analyses: Analysed[] = [];
  let spent = SLICE_COST;
  for (const locale of wanted) {
    const passages = passagesOf(roles, fields, locale, defaultLocale);
    const bodies = (passages.bodies ?? []).filter(({ text }) => text !== "");
    const language = languageOf(bodies, locale);
    const { tally, slices } = await count(parts, bodies, language, share);
    spent += tally.characters + (slices + 1) * SLICE_COST;
    const ease = language === "en" && tally.sentences > 0 ? parts.english.ease(tally) : undefined;
    analyses.push({ locale, ...analysisOf({ passages, tally, language, ease }) });
  }
  return { analyses, spent };
}

interface Share {
  readonly characters: number;
  readonly slices: number;
}

/** Bodies are joined: many short ones are not as many slices. */
async function count(
  parts: AnalyseParts,
  bodies: readonly Passage[],
  language: string,
  most: Share,
): Promise<{ readonly tally: Tally; readonly slices: number }> {
  const tally = newTally();
  if (bodies.length === 0) return { tally, slices: 0 };
  const add = counterOf(language, language === "en" ? parts.english.syllables : undefined);
  const whole = bodies.map(({ text }) => text).join("\n\n");
  const { slices, cut } = slicesOf(whole, most.characters, most.slices);
  tally.cut = cut;
  for (const slice of slices) {
    add(tally, slice, parts.readMarkdown(slice));
    await parts.pause();
  }
  return { tally, slices: slices.length };
}

/** Primary subtag (BCP 47). Text that is partly in another language than the rest has none that could be measured. */
function languageOf(bodies: readonly Passage[], locale: string): string {
  const all = new Set((bodies.length === 0 ? [{ locale }] : bodies).map((each) => each.locale.split("-")[0] ?? ""));
  const [first = "und"] = all;
  return all.size === 1 ? first.toLowerCase() : "und";
}
