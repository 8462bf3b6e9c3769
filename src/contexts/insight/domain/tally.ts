// What is counted of a body, slice by slice.

/** One slice of Markdown, in the order in which it is read. */
export interface Outline {
  readonly blocks: readonly Block[];
  /** The text of each; "" says nothing to whoever cannot see what is around it. */
  readonly links: readonly string[];
  /** The alternative text of each. */
  readonly images: readonly string[];
  /** Characters of HTML blocks, whose text is not looked at. */
  readonly html: number;
}

export type Block =
  | { readonly is: "heading"; readonly depth: number; readonly text: string }
  | { readonly is: "text"; readonly text: string };

export interface Tally {
  characters: number;
  html: number;
  words: number;
  sentences: number;
  longSentences: number;
  syllables: number;
  /** Depths, in order. */
  readonly headings: number[];
  emptyHeadings: number;
  /** Words since the last heading, and of the longest stretch between headings. */
  section: number;
  longestSection: number;
  links: number;
  silentLinks: number;
  images: number;
  silentImages: number;
  /** Lower case, for looking words up. */
  plain: string;
  /** Not all of the body was looked at. */
  cut: boolean;
}

export function newTally(): Tally {
  return {
    ...{ characters: 0, html: 0, words: 0, sentences: 0, longSentences: 0, syllables: 0 },
    ...{ headings: [], emptyHeadings: 0, section: 0, longestSection: 0 },
    ...{ links: 0, silentLinks: 0, images: 0, silentImages: 0, plain: "", cut: false },
  };
}

/** Words: more make a sentence hard to follow. */
const LONG_SENTENCE = 25;
/** Characters of a word that syllables are counted of: a text without spaces is one word. */
const LONGEST_WORD = 50;

export type Count = (tally: Tally, slice: string, outline: Outline) => void;

/** `syllables`: absent where the language's are not counted. */
export function counterOf(locale: string, syllables: ((word: string) => number) | undefined): Count {
  const known = Intl.Segmenter.supportedLocalesOf([locale]);
  const words = new Intl.Segmenter(known, { granularity: "word" });
  const sentences = new Intl.Segmenter(known, { granularity: "sentence" });

  function countText(tally: Tally, text: string): void {
    for (const { segment: sentence } of sentences.segment(text)) {
      let found = 0;
      for (const { segment: word, isWordLike } of words.segment(sentence)) {
        if (isWordLike !== true) continue;
        found += 1;
        if (syllables !== undefined) tally.syllables += syllables(word.slice(0, LONGEST_WORD));
      }
      if (found === 0) continue;
      tally.words += found;
      tally.sentences += 1;
      if (found > LONG_SENTENCE) tally.longSentences += 1;
      tally.section += found;
      tally.longestSection = Math.max(tally.longestSection, tally.section);
    }
  }

  return (tally, slice, { blocks, links, images, html }) => {
    tally.characters += slice.length;
    tally.html += html;
    for (const block of blocks) {
      tally.plain += `${block.text.toLowerCase()}\n`;
      if (block.is === "text") countText(tally, block.text);
      else {
        tally.headings.push(block.depth);
        if (isSilent(block.text)) tally.emptyHeadings += 1;
        tally.section = 0;
      }
    }
    tally.links += links.length;
    tally.silentLinks += links.filter(isSilent).length;
    tally.images += images.length;
    tally.silentImages += images.filter(isSilent).length;
  };
}

const CHARACTERS = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Characters as readers count them; of a text that is longer than any limit, no more than 1,000. */
export function lengthOf(text: string): number {
  return [...CHARACTERS.segment(text.slice(0, 1_000))].length;
}

function isSilent(text: string): boolean {
  return text.trim() === "";
}
