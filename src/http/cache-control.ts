// How long others may keep an answer. Meridian's own tiers do not read this.

/** What content answers depend on besides the address. */
export const CONTENT_VARY = "Authorization, Meridian-At-Least, Prefer";

/** `content`: published content as of now; `fixed`: at a given position, which never changes; `tenant`: anything else of a space; `none`: the rest. */
export type Shared = "content" | "fixed" | "tenant" | "none";

export interface Audience {
  readonly publicRead: boolean;
  /** Seconds for which a space lets clients reuse content unasked; gives up freshness for them. */
  readonly clientMaxAge?: number;
}

export function cacheControlOf(shared: Shared, audience?: Audience): string {
  switch (shared) {
    case "content": {
      const visibility = audience?.publicRead === true ? "public" : "private";
      const age = audience?.clientMaxAge ?? 0;
      return age > 0 ? `${visibility}, max-age=${age}` : `${visibility}, no-cache`;
    }
    case "fixed":
      return "private, max-age=3600";
    case "tenant":
      return "private, no-store";
    case "none":
      return "no-store";
  }
}
