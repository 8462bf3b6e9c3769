// What changed for readers after a position: a page of changes that never ends inside a commit, and where to go on.
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import { ok, type Result } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Row } from "../../platform/database/database.ts";
import { type DeliveryData, mayPreview } from "./asking.ts";
import { changesSql, mostOf } from "./changes-sql.ts";
import { readDocument, showContent } from "./document.ts";
import { PAGE_BYTES } from "./list-sql.ts";
import type { TypeShape } from "./type-shape.ts";

export interface ListChanges {
  /** Exclusive. */
  readonly after: Position;
  readonly type?: string | undefined;
  readonly limit: number;
  /** Absent: `PAGE_BYTES`. */
  readonly bytes?: number;
}

export interface Changes {
  readonly items: readonly JsonObject[];
  /** Where the next page goes on: the end of a commit, or inside the one commit that was too large for any page. */
  readonly next: Position;
  /** The space's position when this was read. Where `next` is it, there is nothing more. */
  readonly head: Position;
  readonly truncated?: "bytes" | "commit";
  readonly source: string;
}

/** Pages that hold nothing although there is more: only commits that undo themselves, hundreds on end, make one. */
const EMPTY_MOST = 20;

/** One request. Refuses with 503 `position-not-reached` where `after` lies beyond what the primary has. */
export async function listChanges(scope: Scope<DeliveryData>, asked: ListChanges): Promise<Result<Changes>> {
  let page = await readChanges(scope, asked);
  for (let empty = 0; page.ok && isBlank(page.value) && empty < EMPTY_MOST; empty += 1)
    page = await readChanges(scope, { ...asked, after: page.value.next });
  return page;
}

function isBlank({ items, next, head }: Changes): boolean {
  return items.length === 0 && next < head;
}

async function readChanges(scope: Scope<DeliveryData>, asked: ListChanges): Promise<Result<Changes>> {
  const { after, type, limit, bytes = PAGE_BYTES } = asked;
  const preview = mayPreview(scope.actor);
  const statement = changesSql({ space: scope.space.uid, type, after, limit, bytes, preview });
  const answer = await scope.data.reader.read([statement], after, "starts");
  if (!answer.ok) return answer;
  const { rows, position: head, source } = answer.value;
  const { kept, ...end } = endOf(rows[0] ?? [], limit, head);
  return ok({ items: kept.map((row) => itemOf(row, scope.data)), ...end, head, source });
}

interface End {
  readonly kept: readonly Row[];
  readonly next: Position;
  readonly truncated?: "bytes" | "commit";
}

function endOf(rows: readonly Row[], limit: number, head: Position): End {
  const [known] = rows;
  const changes = rows.filter((row) => row["n"] !== null);
  const cut = changes.find((row) => row["shown"] === true && row["body"] === null);
  if (cut !== undefined) {
    const fitting = changes.slice(0, changes.indexOf(cut));
    const whole = fitting.filter((row) => row["commit"] !== cut["commit"]);
    // One commit alone is larger than any page may be: positions are each event's own, so a page may end there if it says so.
    if (whole.length === 0) return { kept: fitting, next: positionOf(fitting.at(-1)), truncated: "commit" };
    return { kept: whole, next: positionOf(whole.at(-1)), truncated: "bytes" };
  }
  const [found, paged] = [known?.["found"] as number, known?.["paged"] as number];
  if (found > paged) return { kept: changes, next: position(known?.["ends"] as number) };
  // More in one commit than commits are made of: as above.
  if (found === mostOf(limit)) return { kept: changes, next: positionOf(changes.at(-1)), truncated: "commit" };
  const walked = known?.["walked"] as number | null | undefined;
  return { kept: changes, next: walked == null ? head : position(walked) };
}

function positionOf(row: Row | undefined): Position {
  return position(row?.["position"] as number);
}

const KINDS: Readonly<Record<string, string>> = {
  EntryPublished: "published",
  EntryUnpublished: "unpublished",
  EntryArchived: "unpublished",
  EntryDeleted: "deleted",
};

function itemOf(row: Row, { types, settings }: DeliveryData): JsonObject {
  const type = row["type"] as string;
  const item = {
    position: row["position"] as number,
    timestamp: row["timestamp"] as string,
    kind: KINDS[row["event"] as string] ?? "published",
    type,
    id: row["id"] as string,
    version: row["version"] as number,
  };
  if (row["shown"] !== true) return item;
  const shape = types.get(type)?.shape ?? shapeOfNothing(type);
  const look = { shape, locale: "*", defaultLocale: settings.defaultLocale };
  return { ...item, entry: showContent(readDocument(row, row["body"]), look) };
}

/** Of a type that is no longer there, nothing has to be known to show every locale. */
function shapeOfNothing(type: string): TypeShape {
  return { type, revision: 0, locales: [], defaultLocale: "", fields: [], composites: [] };
}
