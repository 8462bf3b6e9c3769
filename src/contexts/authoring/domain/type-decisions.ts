// What may happen to a content type. Whether a document is one at all, and whether entries fit it, is asked elsewhere.
import type { Decider } from "../../../kernel/decider.ts";
import { type Fault, fault, quote } from "../../../kernel/fault.ts";
import type { JsonObject } from "../../../kernel/json.ts";
import { never, ok, type Result, refuse } from "../../../kernel/result.ts";
import { sameJson } from "./same-json.ts";
import { evolveType, NO_TYPE, type TypeEvent, type TypeState } from "./type.ts";

export type TypeCommand =
  | { readonly do: "SaveType"; readonly name: string; readonly document: JsonObject; readonly shape: JsonObject }
  /** `entries`: how many the type has, drafts included. */
  | { readonly do: "DeleteType"; readonly name: string; readonly entries: number };

/** Refuses with `missing`/`type-missing`, `conflict`/`type-in-use`. Saving what is there already is no event. */
export function decideType(command: TypeCommand, state: TypeState): Result<readonly TypeEvent[], Fault> {
  switch (command.do) {
    case "SaveType":
      return ok(
        isSaved(command, state)
          ? []
          : [{ type: "TypeSaved", data: { document: command.document, shape: command.shape } }],
      );
    case "DeleteType":
      if (state.is === "absent") return refuse(typeMissing(command.name));
      return command.entries > 0 ? refuse(inUse(command)) : ok([{ type: "TypeDeleted", data: {} }]);
    default:
      return never(command);
  }
}

export const typeDecider: Decider<TypeCommand, TypeEvent, TypeState> = {
  initial: NO_TYPE,
  decide: decideType,
  evolve: evolveType,
};

export function typeMissing(name: string): Fault {
  return fault("missing", "type-missing", `There is no content type ${quote(name)}`);
}

/** A shape says the revision that it was made for; apart from that, an equal one is the same. */
function isSaved({ document, shape }: TypeCommand & { do: "SaveType" }, state: TypeState): boolean {
  if (state.is === "absent") return false;
  return sameJson(document, state.document) && sameJson({ ...shape, revision: 0 }, { ...state.shape, revision: 0 });
}

function inUse({ name, entries }: TypeCommand & { do: "DeleteType" }): Fault {
  return fault(
    "conflict",
    "type-in-use",
    `Cannot delete content type ${quote(name)}: it has ${entries} ${entries === 1 ? "entry" : "entries"}`,
  );
}
