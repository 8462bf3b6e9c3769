// The rows of a list's statements put together: where the page ends and why, what is shown, what is included.
import type { JsonObject } from "../../kernel/json.ts";
import type { Row } from "../../platform/database/database.ts";
import { type Document, readDocument, type Show } from "./document.ts";
import { type Included, includedOf } from "./included.ts";
import type { View } from "./query.ts";
import type { Place } from "./stretch.ts";

export interface Page {
  readonly data: readonly JsonObject[];
  readonly included?: Included;
  /** Where the next page goes on; absent: there is none. */
  readonly next?: Place;
  readonly truncated?: "bytes" | "work";
  readonly total?: number;
  /** Whether `total` was counted. */
  readonly exact?: boolean;
  /** Place of a condition on referenced entries that found too many of them. */
  readonly tooMany?: number;
}

interface Cut {
  readonly documents: readonly Document[];
  readonly next?: Place;
  readonly truncated?: "bytes" | "work";
}

/** `rows`: of the page's statement; `hops`: of the include statements. */
export function readPage(
  rows: readonly Row[],
  hops: readonly (readonly Row[])[],
  limit: number,
  view: View,
  show: Show,
): Page {
  const [known] = rows;
  const cut = cutPage(
    rows.filter((row) => row["n"] !== null),
    limit,
    coveredBy(hops),
  );
  const data = cut.documents.map((document) => show(document, view));
  const targets = new Map(
    hops
      .flat()
      .filter((row) => row["body"] !== null)
      .map((row) => [row["id"] as string, readDocument(row, row["body"])]),
  );
  return {
    data,
    ...(view.steps.length > 0 ? { included: includedOf(cut.documents, targets, view, show) } : {}),
    ...(cut.next ? { next: cut.next } : {}),
    ...(cut.truncated ? { truncated: cut.truncated } : {}),
    ...(typeof known?.["total"] === "number" ? { total: known["total"], exact: known["exact"] === true } : {}),
    ...(typeof known?.["too_many"] === "number" ? { tooMany: known["too_many"] } : {}),
  };
}

interface Covered {
  /** Rows of the page whose every target came. */
  readonly rows: number;
  /** Of what there was too much for the next one. */
  readonly cut: "bytes" | "work";
}

/** A hop that could not give everything says so in a row without an id. */
function coveredBy(hops: readonly (readonly Row[])[]): Covered {
  return hops
    .flat()
    .filter((row) => row["id"] === null)
    .map((row) => ({ rows: (row["n"] as number) - 1, cut: row["cut"] as Covered["cut"] }))
    .reduce((least, each) => (each.rows < least.rows ? each : least), { rows: Number.POSITIVE_INFINITY, cut: "bytes" });
}

function cutPage(rows: readonly Row[], limit: number, covered: Covered): Cut {
  const documents: Document[] = [];
  let last: Place | undefined;
  for (const row of rows) {
    // The budget of a walk ended here: what sorts after it may not have been seen.
    if (row["ended"] === true) return { documents, next: placeOf(row), truncated: "work" };
    const next = last ? { next: last } : {};
    if (documents.length === limit) return { documents, ...next };
    // One entry is always given, even where what it refers to does not fit.
    if (row["body"] === null) return { documents, ...next, truncated: "bytes" };
    if (documents.length > 0 && documents.length >= covered.rows) return { documents, ...next, truncated: covered.cut };
    documents.push(readDocument(row, row["body"]));
    last = placeOf(row);
  }
  return { documents, ...(covered.rows < documents.length ? { truncated: covered.cut } : {}) };
}

function placeOf(row: Row): Place {
  const key = row["key"] as string | number | null;
  return { phase: row["ph"] as number, id: row["id"] as string, ...(key === null ? {} : { key }) };
}
