// Syllables of English words by dictionary and rules, and Flesch's formula over them.
import { flesch } from "flesch";
import { syllable } from "syllable";
import type { English } from "../../contexts/insight/insight.ts";

export const english: English = {
  syllables: (word) => Math.max(1, syllable(word)),
  ease: ({ sentences, words, syllables }) => flesch({ sentence: sentences, word: words, syllable: syllables }),
};
