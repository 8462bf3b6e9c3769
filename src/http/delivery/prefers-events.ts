// Whether whoever asks wants a stream of events rather than a page (RFC 9110, 12.5.1).

const EVENTS = "text/event-stream";
const PAGES: ReadonlySet<string> = new Set(["application/json", "application/*", "*/*"]);

/** Events must be named, and no other form be preferred: where both count alike, the stream is what was asked for on purpose. */
export function prefersEvents(accept: string | null): boolean {
  if (accept === null) return false;
  const ranges = accept.toLowerCase().split(",").map(rangeOf);
  const events = ranges.find(({ media }) => media === EVENTS)?.quality ?? 0;
  const pages = ranges.filter(({ media }) => PAGES.has(media)).map(({ quality }) => quality);
  return events > 0 && pages.every((quality) => quality <= events);
}

function rangeOf(text: string): { readonly media: string; readonly quality: number } {
  const [media = "", ...parameters] = text.split(";").map((part) => part.trim());
  const weight = parameters.find((parameter) => /^q[ \t]*=/.test(parameter));
  const quality = weight === undefined ? 1 : Number.parseFloat(weight.slice(weight.indexOf("=") + 1));
  return { media, quality: Number.isFinite(quality) ? quality : 0 };
}
