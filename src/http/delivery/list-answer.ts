// A list as an answer: its page, where the next one is (RFC 8288), which count was given (RFC 7240).
import type { Listed } from "../../contexts/delivery/delivery.ts";
import type { ReadAnswer } from "../operation.ts";

/** `path`: the list's own; `asked`: the query as it was sent. */
export function listAnswer(
  { body, position, source, tagged, next, counted, reads }: Listed,
  path: string,
  asked: URLSearchParams,
): ReadAnswer {
  const headers = {
    ...(next === null ? {} : { Link: `<${nextOf(path, asked, next)}>; rel="next"` }),
    ...(counted ? { "Preference-Applied": `count=${counted}` } : {}),
  };
  return { body, position, source, tagged, headers, reads };
}

function nextOf(path: string, asked: URLSearchParams, next: string): string {
  const query = new URLSearchParams(asked);
  query.set("cursor", next);
  return `${path}?${query}`;
}
