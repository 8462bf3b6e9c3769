// What commit_write answers, and its refusals as faults.
import { seconds } from "../../kernel/clock.ts";
import { type Fault, fault } from "../../kernel/fault.ts";
import { position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";

export interface Stored {
  readonly status: number;
  readonly position: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly sealed: string | null;
}

interface Place {
  /** Index of the operation in the request. */
  readonly index: number;
  readonly id: string;
  readonly stream?: string;
  readonly name?: string;
  readonly takenBy?: string;
  readonly path?: string;
  readonly type?: string;
  readonly found?: string | number | null;
  readonly by?: string;
}

export interface Refused {
  readonly refused: string;
  readonly at?: readonly Place[];
  readonly position?: number;
  readonly found?: number;
  readonly most?: number;
}

export interface Committed {
  readonly position: number;
  readonly first: number;
  readonly at: string;
  readonly recent?: readonly { readonly position: number; readonly tags: readonly string[] }[];
  readonly recentFrom?: number;
}

export type CommitAnswer = Refused | Committed | (Stored & { readonly replayed: true });

export function refusalOf(answer: Refused, space: SpaceRef): Fault {
  const at = answer.at ?? [];
  const first = at[0];
  const extras = answer.position === undefined ? {} : { position: position(answer.position) };
  switch (answer.refused) {
    case "request-in-progress":
      return fault("conflict", "request-in-progress", "A request with this Idempotency-Key is still running", {
        retryAfter: seconds(1),
      });
    case "idempotency-key-reused":
      return fault(
        "invalid",
        "idempotency-key-reused",
        "This Idempotency-Key was used for another request: another method, path, query or body",
      );
    case "knowledge-outdated":
      return fault("outdated", "knowledge-outdated", "The space changed while this was decided; retry", extras);
    case "version-conflict":
      return fault("conflict", "version-conflict", `Somebody else changed "${first?.stream}" at the same time`, extras);
    case "type-entries-changed":
      return fault(
        "conflict",
        "type-entries-changed",
        `Entries of "${first?.type}" changed while they were checked`,
        extras,
      );
    case "types-too-large":
      return fault(
        "conflict",
        "types-too-large",
        `All content types of a space may take ${answer.most} bytes as they are loaded; with this one they would take ${answer.found}`,
        extras,
      );
    case "slug-taken":
      return fault(
        "conflict",
        "slug-taken",
        `Cannot use "${first?.name}" for entry "${first?.id}": within its type it names entry "${first?.takenBy}"`,
        extras,
      );
    case "entry-referenced":
      return fault(
        "conflict",
        "entry-referenced",
        `Cannot delete entry "${first?.id}": ${at.map((x) => `"${x.by}"`).join(", ")} refer to it`,
        extras,
      );
    case "reference-missing":
      return fault(
        "invalid",
        "reference-missing",
        `Cannot publish: "${first?.id}" is not an existing entry of type "${first?.type}"`,
        {
          ...extras,
          errors: at.map((x) => ({
            pointer: `/fields${x.path ?? ""}`,
            code: "reference-missing",
            detail:
              x.found == null
                ? `There is no entry "${x.id}" of type "${x.type}"`
                : `Entry "${x.id}" is a "${x.found}", not a "${x.type}"`,
          })),
        },
      );
    case "space-exists":
      return fault("conflict", "space-exists", `There is already a space "${space.id}"`);
    case "space-missing":
      return fault("missing", "space-missing", `There is no space "${space.id}"`);
    default:
      return fault("conflict", answer.refused, `The commit was refused: ${answer.refused}`, extras);
  }
}
