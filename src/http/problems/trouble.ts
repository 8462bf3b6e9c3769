// Problems on our side: nothing is wrong with the request.
import type { Problem } from "../problems.ts";

export const TROUBLE_PROBLEMS: Readonly<Record<string, Problem>> = {
  "position-not-reached": {
    kind: "unavailable",
    title: "Position not reached",
    means:
      "Meridian-At-Least asks for a position that the space has not reached. An older answer is never given in its place.",
    remedy:
      "Check where the position came from; positions of another space mean nothing here. Retry after the time in Retry-After.",
  },
  "database-unavailable": {
    kind: "unavailable",
    title: "Database unavailable",
    means: "The database that this request needs could not be reached in time, or was too busy.",
    remedy:
      "Retry after the time in Retry-After; a write with its Idempotency-Key or id. Published content goes on being served from other places.",
  },
  "dependency-unavailable": {
    kind: "unavailable",
    title: "Dependency unavailable",
    means:
      "Something other than the database that this request needs, such as the store of files, could not be reached in time.",
    remedy: "Retry after the time in Retry-After; a write with its Idempotency-Key or id.",
  },
  "outcome-unknown": {
    kind: "unavailable",
    title: "Outcome unknown",
    means: "The connection broke while the write was being committed, and it could not be learned whether it was.",
    remedy:
      "Send the same request again with the same Idempotency-Key or the same id: it is then done once, whatever happened.",
  },
  "knowledge-outdated": {
    kind: "outdated",
    title: "Space is changing",
    means: "The space's settings, types or keys changed again and again while this request was answered.",
    remedy: "Retry after the time in Retry-After.",
  },
  overloaded: {
    kind: "unavailable",
    title: "Temporarily reduced capacity",
    means: "More is being asked than can be answered at the moment, and this request can wait.",
    remedy: "Retry after the time in Retry-After.",
    type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
  },
  internal: {
    kind: "unavailable",
    title: "Internal error",
    means: "Something went wrong on our side that was not foreseen.",
    remedy: "Report it with the request id. A write may be repeated with the same Idempotency-Key or id.",
  },
};
