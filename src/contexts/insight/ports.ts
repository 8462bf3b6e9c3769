// What analysing needs of libraries: Markdown taken apart, and what is known of the English language.
import type { Outline } from "./domain/tally.ts";

/** CommonMark, a slice at a time: at most some thousand characters, because some texts take time in the square of their length. */
export type ReadMarkdown = (slice: string) => Outline;

export interface English {
  syllables(word: string): number;
  /** Flesch's reading ease (1948); usually 0 to 100, higher is easier. */
  ease(counts: { readonly sentences: number; readonly words: number; readonly syllables: number }): number;
}
