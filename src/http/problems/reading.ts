// Problems of what readers ask: queries, cursors, positions.
import type { Problem } from "../problems.ts";

export const READING_PROBLEMS: Readonly<Record<string, Problem>> = {
  "content-missing": {
    kind: "missing",
    title: "No such published content",
    means:
      "The type has no published entry with this id or slug. A draft that was never published, or was unpublished, answers the same.",
    remedy: "Check the name, and whether the entry is published.",
  },
  "unknown-field": {
    kind: "malformed",
    title: "Unknown field",
    means: "The query names a field that the content type does not have.",
    remedy: "Correct the field that errors names. Field names are case-sensitive.",
  },
  "unsupported-operator": {
    kind: "malformed",
    title: "Operator not supported",
    means: "The filter uses an operator that does not exist, or that this field or value cannot be filtered by.",
    remedy: "The reference lists the operators; the detail says why this one does not fit.",
  },
  "unsupported-parameter": {
    kind: "malformed",
    title: "Parameter not supported",
    means: "The parameter belongs to the API but this deployment does not answer it.",
    remedy: "Leave it out.",
  },
  "too-many-terms": {
    kind: "malformed",
    title: "Too many filter terms",
    means: "A query has at most 20 filter terms.",
    remedy: "Use in with a list of values instead of many terms, or ask several queries.",
  },
  "not-indexed": {
    kind: "malformed",
    title: "Field is not indexed",
    means:
      "Filters and sorts work on fields that are declared x-indexed or x-reference, and on id, slug, createdAt, updatedAt and publishedAt.",
    remedy: "Declare the field x-indexed in its content type, or leave it out of the query.",
  },
  "query-too-broad": {
    kind: "malformed",
    title: "Query too broad",
    means:
      "No index serves the query: its sort uses several keys without a declared composite, or a filter over a reference finds more targets than can be joined; or what is asked for is larger than one answer can be.",
    remedy:
      "Declare the composite that the detail names in the content type's indexes, narrow the filter, or ask for fewer entries and includes.",
  },
  "cursor-invalid": {
    kind: "malformed",
    title: "Cursor not valid",
    means: "The cursor was not given out for this space and this query, or was changed on its way.",
    remedy: "Start the walk anew, and keep every parameter but limit as it was.",
  },
  "position-conflict": {
    kind: "malformed",
    title: "Positions contradict each other",
    means: "Meridian-At-Least asks for a later position than the cursor or at= is pinned to.",
    remedy: "Leave the header out, or start a new walk.",
  },
  "history-restored": {
    kind: "gone",
    title: "History was restored",
    means:
      "The space was restored to an earlier time or erased since this cursor or position was given out; it means nothing any more.",
    remedy: "Start anew without it.",
  },
};
