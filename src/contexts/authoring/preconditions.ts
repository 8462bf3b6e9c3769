// If-Match and If-None-Match on writes (RFC 9110, 13.1), judged on the state that was loaded for the decision.
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import type { SpaceRef } from "../../kernel/scope.ts";

/** Entity tags as sent, `W/` included, or `*`. */
export interface Preconditions {
  readonly ifMatch?: readonly string[] | "*";
  readonly ifNoneMatch?: readonly string[] | "*";
}

/** Streams count on over deletion, and epochs over restores: no two states of a resource share a tag. */
export function etagOf(space: SpaceRef, revision: number): string {
  return `"${space.epoch}.${revision}"`;
}

/** `etag`: of what is there; `undefined`: nothing is. `required`: the type asks for `If-Match` on what is there. */
export function whyNotMet(asked: Preconditions, etag: string | undefined, required: boolean): Fault | undefined {
  const { ifMatch, ifNoneMatch } = asked;
  if (
    ifNoneMatch !== undefined &&
    etag !== undefined &&
    (ifNoneMatch === "*" || ifNoneMatch.some((tag) => tag.replace(/^W\//, "") === etag))
  ) {
    return fault("outdated", "precondition-failed", `If-None-Match asks that it is not there; it is, as ${etag}`);
  }
  if (ifMatch === undefined) {
    return required && etag !== undefined
      ? fault(
          "invalid",
          "precondition-required",
          "Entries of this type are changed with If-Match only: send the ETag that you have read",
        )
      : undefined;
  }
  if (etag === undefined)
    return fault("outdated", "precondition-failed", "If-Match asks for something that is there; nothing is");
  // Strong comparison: a weak tag matches nothing.
  return ifMatch === "*" || ifMatch.includes(etag)
    ? undefined
    : fault("outdated", "precondition-failed", `If-Match asks for ${quote(ifMatch.join(", "))}; it is now ${etag}`);
}
