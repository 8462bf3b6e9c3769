// A text in slices that are analysed one by one. Markdown has texts whose analysis takes time in the square of their length: cut into slices,
// the whole takes no more than so much for each character, and between slices others have their turn.

export interface Sliced {
  readonly slices: readonly string[];
  /** Not all of it was taken. */
  readonly cut: boolean;
}

/** Characters. */
export const SLICE = 1_000;

/** `most`: characters to be taken in all, and slices. Cuts between paragraphs where it can, else between lines, else between words. */
export function slicesOf(text: string, most: number, mostSlices = Number.POSITIVE_INFINITY): Sliced {
  const slices: string[] = [];
  const end = whole(text, Math.max(0, Math.min(text.length, most)));
  for (let from = 0; from < end; ) {
    if (slices.length >= mostSlices) return { slices, cut: true };
    const to = end - from <= SLICE ? end : cutAfter(text, from);
    slices.push(text.slice(from, to));
    from = to;
  }
  return { slices, cut: text.length > end };
}

function cutAfter(text: string, from: number): number {
  const window = text.slice(from, from + SLICE);
  // A cut at the very beginning would leave slices of nothing: it must bring the text on by a quarter of a slice.
  for (const [mark, width] of [
    ["\n\n", 2],
    ["\n", 1],
    [" ", 1],
  ] as const) {
    const at = window.lastIndexOf(mark);
    if (at >= SLICE / 4) return from + at + width;
  }
  return whole(text, from + SLICE);
}

/** Never between the halves of a character. */
function whole(text: string, at: number): number {
  const before = text.charCodeAt(at - 1);
  return before >= 0xd800 && before <= 0xdbff && at < text.length ? at - 1 : at;
}
