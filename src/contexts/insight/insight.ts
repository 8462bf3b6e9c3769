// The door of insight: what is found about the text that is published.
export { type Analysed, type AnalyseParts, analyse, MOST_CHARACTERS, type Written } from "./analyse.ts";
export type { Analysis, Check } from "./domain/checks.ts";
export type { Block, Outline } from "./domain/tally.ts";
export { type FollowParts, followPublications } from "./follow-publications.ts";
export type { English, ReadMarkdown } from "./ports.ts";
export { type AnalysisData, analysisSql, getAnalysis } from "./read-analysis.ts";
