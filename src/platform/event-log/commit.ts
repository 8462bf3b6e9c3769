// What one commit carries to commit_write (migrations/0002_commit.sql): checks, events and the state they lead to.
import type { Json, JsonObject } from "../../kernel/json.ts";

/** One event of a commit; `n` is its place in it, from 1: its position will be the commit's base + n. */
export interface NewEvent {
  readonly n: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly data: JsonObject;
  /** Tags of the freshness digest that this event changes; none for draft events. See edge.md's table. */
  readonly tags: readonly string[];
}

/** The stream's version that the decision was made on, and how many events are added. `i`: index of the operation in the request. */
export interface StreamCheck {
  readonly i: number;
  readonly id: string;
  /** Expected version; 0 for a new stream. */
  readonly x: number;
  readonly n: number;
  /** Draft version to remember across deletion (entries only). */
  readonly d?: number;
}

/** A sort row's slots by column (`n1`…, `t1`…, `k1`… as `\x` hex) and `tokens`: canonical equality terms, hashed in Postgres. */
export interface SortRow {
  readonly [slot: string]: string | number | readonly string[];
}

export interface ReferenceRow {
  /** JSON Pointer inside `fields`: `/country`, `/neighbours/3`. */
  readonly path: string;
  readonly target: string;
  /** The content type that the schema asks of the target. */
  readonly type: string;
}

export interface EntryChange {
  readonly id: string;
  readonly type: string;
  readonly change: "changed" | "deleted";
  /** Place of the entry's last event in the commit. */
  readonly n: number;
  readonly actor: string;
  /** After the commit; absent when deleted. */
  readonly status?: "draft" | "published" | "changed" | "archived";
  readonly version?: number;
  readonly publishedVersion?: number | null;
  /** The stream's version after the commit. */
  readonly revision?: number;
  /** There was never anything of this id: its stream begins here. */
  readonly fresh?: true;
  /** Present when the draft itself changed. */
  readonly draft?: {
    readonly n: number;
    readonly slug: string | null;
    readonly fields: JsonObject;
    readonly ix: SortRow;
    readonly refs: readonly ReferenceRow[];
  };
  /** Present when what readers see changed: to the current draft (which may come in this commit), or to nothing. */
  readonly publication?: { readonly n: number; readonly to: "current" | "nothing" };
}

export interface TypeChange {
  readonly type: string;
  readonly n: number;
  readonly revision: number;
  readonly document?: JsonObject;
  readonly shape?: JsonObject;
  readonly gone?: true;
}

export interface KeyChange {
  readonly id: string;
  readonly n: number;
  readonly revision: number;
  readonly name: string;
  readonly scopes: readonly string[];
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
  readonly previous: string | null;
  /** RFC 3339. */
  readonly previousUntil: string | null;
  readonly expiresAt: string | null;
  readonly revoked: boolean;
}

export interface Reindex {
  readonly id: string;
  readonly type: string;
  readonly draft?: SortRow;
  readonly published?: SortRow;
  readonly refs?: readonly (ReferenceRow & { readonly side: "d" | "p" })[];
}

/** Everything that a decision wants written, and everything that it relied on. */
export interface Change {
  readonly streams: readonly StreamCheck[];
  readonly events: readonly NewEvent[];
  readonly entries?: readonly EntryChange[];
  readonly types?: readonly TypeChange[];
  readonly keys?: readonly KeyChange[];
  readonly settings?: {
    readonly id: string;
    readonly state: "active" | "deleted";
    readonly document: JsonObject;
    readonly revision: number;
  };
  readonly create?: { readonly epoch: number };
  readonly reindex?: readonly Reindex[];
  readonly counts?: readonly { readonly type: string; readonly drafts: number; readonly published: number }[];
  readonly entriesDelta?: number;
  /** Places (n) of the events that changed settings, a content type, a key. */
  readonly moved?: { readonly settings?: number; readonly schema?: number; readonly keys?: number };
  /** Ids and slugs that this commit takes: one per entry that is created or whose slug changes. */
  readonly names?: readonly {
    readonly i: number;
    readonly id: string;
    readonly type: string;
    readonly slug: string | null;
  }[];
  /** References that must lead to an existing entry of the type; those that this very commit creates are left out. */
  readonly needs?: readonly { readonly i: number; readonly id: string; readonly path: string; readonly type: string }[];
  /** Entries that nothing else may refer to. */
  readonly unreferenced?: readonly { readonly i: number; readonly id: string }[];
  /** The content types that the decision relied on, when it did not rely on all that is known: what else moved does not matter to it. */
  readonly relies?: readonly {
    readonly type: string;
    readonly revision: number;
    /** The check of its next schema that the decision knew of, and whether the rows are what that asks for. */
    readonly pending?: string;
    readonly rows?: true;
  }[];
  /** Bytes that all content types of the space may take as every place that answers loads them. */
  readonly typesMost?: number;
  /** Position of the last change of any content type, when the decision relied on all of them. */
  readonly schemaAt?: number;
  /** The entries of a type as the decision saw them: how many drafts, and the highest position among them (0 when none). */
  readonly typeEntries?: readonly { readonly type: string; readonly position: number; readonly entries: number }[];
  readonly dryRun?: true;
}

/** What the client will be told, before position and time are known: they stand in it as the writer's marks. */
export interface Outcome {
  /** Absent: nothing to say (204). Never holds a secret: put the writer's `marks.secret` where it belongs. */
  readonly view?: Json;
  readonly created?: true;
  /** Something goes on behind the answer (202). */
  readonly accepted?: true;
  /** Opaque, quoted, strong. */
  readonly etag?: string;
  /** Path under the space, `entries/paris`, for `Location`. */
  readonly location?: string;
  /** Replaces `marks.secret` in the answer; kept sealed. */
  readonly secret?: string;
}

/** An answer ready to send. */
export interface Rendered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
