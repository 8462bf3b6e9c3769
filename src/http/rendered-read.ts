// A read's answer as bytes and the headers that are its own, whoever it is given to.
import { CONTENT_VARY, cacheControlOf } from "./cache-control.ts";
import { type QuickHash, strongTag, weakTag } from "./entity-tag.ts";
import type { ReadAnswer } from "./operation.ts";
import type { Route } from "./route.ts";

/** What the space lets others keep; absent for operators' answers. */
export interface Sharing {
  readonly publicRead: boolean;
  readonly clientMaxAge?: number;
}

export interface RenderedRead {
  readonly body: Uint8Array<ArrayBuffer>;
  /** All but the entity tag: for plain reads of a space the same, again and again. */
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
}

const ENCODER = new TextEncoder();

/** What ages without a position was kept here already: clients keep none of it unasked, whatever the space lets them keep. */
function unasked(sharing: Sharing | undefined): Sharing {
  return { publicRead: sharing?.publicRead === true };
}

export async function renderRead(
  route: Route,
  answer: ReadAnswer,
  sharing: Sharing | undefined,
  quick: QuickHash,
): Promise<RenderedRead> {
  const body = ENCODER.encode(JSON.stringify(answer.body)) as Uint8Array<ArrayBuffer>;
  const { tagged } = answer;
  const etag = answer.etag ?? (tagged === undefined ? await strongTag(body, quick) : await weakTag(tagged, quick));
  const shared = answer.shared ?? (route.kept.kind === "fresh" ? "content" : "tenant");
  const headers = {
    "Content-Type": "application/json",
    ...answer.headers,
    "Cache-Control": cacheControlOf(shared, answer.life === undefined ? sharing : unasked(sharing)),
    ...(shared === "tenant" ? {} : { Vary: CONTENT_VARY }),
  };
  return { body, headers, etag };
}
