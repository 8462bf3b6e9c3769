// What is looked at, what is wanted, and what that makes of 100. Details hold numbers and never a word of the entry: whoever erases a person's
// data need not look here.

import type { Passages } from "./passages.ts";
import { lengthOf, type Tally } from "./tally.ts";

export interface Check {
  readonly id: string;
  /** `skipped`: does not apply, or nothing honest can be said. */
  readonly status: "good" | "fair" | "poor" | "skipped";
  /** 0 to 100; absent: it does not count. */
  readonly score?: number;
  readonly detail: string;
}

export interface Analysis {
  /** 0 to 100; null: the type has no text to be looked at. */
  readonly score: number | null;
  readonly checks: readonly Check[];
}

export interface Subject {
  readonly passages: Passages;
  readonly tally: Tally;
  /** Language of the body. */
  readonly language: string;
  /** Flesch's reading ease; absent: the language has no formula here, or the text no sentence. */
  readonly ease: number | undefined;
}

/** How much each counts. */
const WEIGHTS: Readonly<Record<string, number>> = {
  "title-length": 2,
  "description-length": 2,
  "body-length": 2,
  readability: 2,
  "keyword-use": 2,
};
/** Sentences and words in scripts without spaces are not counted by what these limits were found with. */
const WITHOUT_SPACES: ReadonlySet<string> = new Set(["ja", "zh", "th", "lo", "km", "my", "bo"]);
const LONG_TEXT = 300;

export function analysisOf(subject: Subject): Analysis {
  const { title, description } = subject.passages;
  const checks = [
    lengthCheck("title-length", title?.text, { good: [20, 60], fair: [10, 75] }),
    lengthCheck("description-length", description?.text, { good: [70, 160], fair: [40, 200] }),
    ...bodyChecks(subject),
    keywordUse(subject),
    hiddenCharacters(subject),
  ];
  const counted = checks.flatMap(({ id, score }) => (score === undefined ? [] : [{ score, weight: WEIGHTS[id] ?? 1 }]));
  const weight = counted.reduce((sum, each) => sum + each.weight, 0);
  const sum = counted.reduce((all, each) => all + each.score * each.weight, 0);
  return { score: weight === 0 ? null : Math.round(sum / weight), checks };
}

type Range = readonly [number, number];

function isIn(value: number, [least, most]: Range): boolean {
  return value >= least && value <= most;
}

function lengthCheck(
  id: string,
  text: string | undefined,
  wanted: { readonly good: Range; readonly fair: Range },
): Check {
  const what = id === "title-length" ? "title" : "description";
  if (text === undefined) return skipped(id, `The type has no field that is a ${what}`);
  const length = lengthOf(text.trim());
  const [least, most] = wanted.good;
  if (length === 0) return poor(id, `There is no ${what}`);
  const detail = `The ${what} has ${length} characters; ${least} to ${most} are shown whole and say enough`;
  if (isIn(length, wanted.good)) return good(id, detail);
  return isIn(length, wanted.fair) ? fair(id, detail) : poor(id, detail);
}

function bodyChecks(subject: Subject): readonly Check[] {
  const { passages, tally } = subject;
  const none = passages.bodies === undefined ? "The type has no field that is a body" : whyNotBody(tally);
  if (none !== undefined) {
    const ids = ["body-length", "headings", "readability", "sentence-length", "links", "image-alternatives"];
    return ids.map((id) => skipped(id, none));
  }
  const all = [
    bodyLength(tally),
    headings(tally),
    readability(subject),
    sentences(subject),
    links(tally),
    images(tally),
  ];
  return tally.cut
    ? [...all, skipped("coverage", `Only the first ${tally.characters} characters of the body were looked at`)]
    : all;
}

/** HTML is not taken apart: better to say nothing than that there is no text. */
function whyNotBody({ html, characters }: Tally): string | undefined {
  return html > characters / 2 ? "The body is mostly HTML, whose text is not looked at" : undefined;
}

function bodyLength({ words, cut }: Tally): Check {
  const detail = `The body has ${words} words${cut ? " and more" : ""}; from ${LONG_TEXT} on it can treat its subject`;
  if (words >= LONG_TEXT || cut) return good("body-length", detail);
  return words >= 100 ? fair("body-length", detail) : poor("body-length", detail);
}

function headings({ words, headings: depths, emptyHeadings, longestSection }: Tally): Check {
  const id = "headings";
  if (depths.length === 0 && words <= LONG_TEXT)
    return skipped(id, `A body of up to ${LONG_TEXT} words needs no heading`);
  const skips = depths.filter((depth, at) => depth > (depths[at - 1] ?? depth) + 1).length;
  const tops = depths.filter((depth) => depth === 1).length;
  const wrong = [
    ...(emptyHeadings > 0 ? [`${emptyHeadings} are empty`] : []),
    ...(skips > 0 ? [`${skips} skip a level`] : []),
    ...(tops > 1 ? [`${tops} are of the first level`] : []),
    ...(longestSection > LONG_TEXT ? [`${longestSection} words stand together without one`] : []),
  ];
  const detail = `There are ${depths.length} headings${wrong.length === 0 ? "" : `: ${wrong.join(", ")}`}`;
  if (wrong.length === 0) return good(id, detail);
  return wrong.length === 1 && depths.length > 0 ? fair(id, detail) : poor(id, detail);
}

function readability({ ease, language, tally }: Subject): Check {
  const id = "readability";
  if (tally.sentences === 0) return skipped(id, "The body has no sentence");
  if (ease === undefined)
    return skipped(id, `There is no formula for the language "${language}" here, only for English`);
  const shown = Math.round(Math.min(100, Math.max(0, ease)));
  const detail = `Reading ease is ${shown} of 100 (Flesch); 60 and more is plain English, below 30 is for specialists`;
  // From 30, hard for most, to 60, plain: half the points at the one, all at the other.
  const score = ease >= 60 ? 100 : Math.max(0, Math.round(ease < 30 ? (ease * 50) / 30 : 50 + ((ease - 30) * 50) / 30));
  return { id, status: ease >= 60 ? "good" : ease >= 30 ? "fair" : "poor", score, detail };
}

function sentences({ tally, language }: Subject): Check {
  const id = "sentence-length";
  if (WITHOUT_SPACES.has(language)) return skipped(id, `Sentences are not measured in the language "${language}"`);
  if (tally.sentences === 0) return skipped(id, "The body has no sentence");
  const share = tally.longSentences / tally.sentences;
  const detail = `${Math.round(share * 100)} % of ${tally.sentences} sentences have more than 25 words; up to 25 % is easy to follow`;
  return share <= 0.25 ? good(id, detail) : share <= 0.5 ? fair(id, detail) : poor(id, detail);
}

function links({ words, links: count, silentLinks }: Tally): Check {
  const id = "links";
  if (silentLinks > 0) return poor(id, `${silentLinks} of ${count} links have no text`);
  if (count > 0) return good(id, `There are ${count} links, each with a text`);
  if (words < LONG_TEXT) return skipped(id, `A body of fewer than ${LONG_TEXT} words needs no link`);
  return fair(id, "A long body leads nowhere: it has no link");
}

function images({ images: count, silentImages }: Tally): Check {
  const id = "image-alternatives";
  if (count === 0) return skipped(id, "There is no image");
  const detail = `${count - silentImages} of ${count} images have an alternative text`;
  const score = Math.round(((count - silentImages) / count) * 100);
  return { id, status: score === 100 ? "good" : score >= 50 ? "fair" : "poor", score, detail };
}

/** Each keyword is looked for in whatever of title, description and body the type has; used too often, it counts half. */
function keywordUse({ passages, tally }: Subject): Check {
  const id = "keyword-use";
  const { title, description, bodies, keywords } = passages;
  if (keywords === undefined) return skipped(id, "The type has no field for keywords");
  if (keywords.length === 0) return skipped(id, "The entry names no keyword");
  const places = [
    ...(title === undefined ? [] : [title.text.toLowerCase()]),
    ...(description === undefined ? [] : [description.text.toLowerCase()]),
    ...(bodies === undefined || whyNotBody(tally) !== undefined ? [] : [tally.plain]),
  ];
  if (places.length === 0) return skipped(id, "The type has no text to look for keywords in");
  const found = keywords.map((word) => places.filter((place) => place.includes(word.toLowerCase())).length);
  const stuffed = keywords.filter(
    (word) => tally.plain.split(word.toLowerCase()).length - 1 > 3 + tally.words * 0.03,
  ).length;
  const share = found.reduce((sum, each) => sum + each, 0) / (places.length * keywords.length);
  const score = Math.round(share * 100 * (stuffed > 0 ? 0.5 : 1));
  const more = stuffed > 0 ? `; ${stuffed} are used in more than 3 % of the words` : "";
  const detail = `${keywords.length} keywords are found in ${Math.round(share * 100)} % of the places to look in (${places.length} each)${more}`;
  return { id, status: score >= 75 ? "good" : score >= 40 ? "fair" : "poor", score, detail };
}

/** Marks that turn the direction of what follows, and others that nobody sees: `evil` can be made to look like `live` with them. */
const HIDDEN = /[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff]/gu;

function hiddenCharacters({ passages: { title, description }, tally }: Subject): Check {
  const id = "hidden-characters";
  const count = [title?.text ?? "", description?.text ?? "", tally.plain].flatMap(
    (text) => text.slice(0, 200_000).match(HIDDEN) ?? [],
  ).length;
  if (count === 0) return { id, status: "good", detail: "There are none" };
  return poor(id, `There are ${count} characters that nobody sees and that may turn the direction of others`);
}

function good(id: string, detail: string): Check {
  return { id, status: "good", score: 100, detail };
}
function fair(id: string, detail: string): Check {
  return { id, status: "fair", score: 50, detail };
}
function poor(id: string, detail: string): Check {
  return { id, status: "poor", score: 0, detail };
}
function skipped(id: string, detail: string): Check {
  return { id, status: "skipped", detail };
}
