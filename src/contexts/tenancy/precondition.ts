// `If-Match` against what is there now.
import { fault } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";

/** Entity tags as sent, or `*`. Strong comparison (RFC 9110): a weak tag never matches. */
export type IfMatch = readonly string[] | "*" | undefined;

export function checkMatch(ifMatch: IfMatch, etag: string, what: string): Result<undefined> {
  if (ifMatch === undefined || ifMatch === "*" || ifMatch.includes(etag)) return ok(undefined);
  return refuse(
    fault(
      "outdated",
      "precondition-failed",
      `Cannot change ${what}: its ETag is ${etag}, which If-Match does not name`,
    ),
  );
}
