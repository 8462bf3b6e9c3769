// What may happen to a space.
import { fault } from "../../../kernel/fault.ts";
import type { JsonObject } from "../../../kernel/json.ts";
import { never, ok, type Result, refuse } from "../../../kernel/result.ts";
import type { SpaceEvent, SpaceSettings, SpaceState } from "./space.ts";
import { checkSettings, mergePatch } from "./space-settings.ts";

export type SpaceCommand =
  | { readonly type: "CreateSpace"; readonly settings: JsonObject }
  /** `hasTypes`: a content type exists, whose localized fields rest on the space's locales. */
  | { readonly type: "ChangeSpace"; readonly patch: JsonObject; readonly hasTypes: boolean }
  | { readonly type: "DeleteSpace" };

/** No event when nothing would change. `id` only serves the words of a refusal. */
export function decideSpace(command: SpaceCommand, state: SpaceState, id: string): Result<readonly SpaceEvent[]> {
  switch (command.type) {
    case "CreateSpace": {
      if (state.is !== "absent") return refuse(fault("conflict", "space-exists", `There is already a space "${id}"`));
      const checked = checkSettings(command.settings);
      return checked.ok ? ok([{ type: "SpaceCreated", data: { settings: checked.value } }]) : checked;
    }
    case "ChangeSpace": {
      if (state.is !== "active") return refuse(spaceMissing(id));
      const checked = checkSettings(mergePatch({ ...state.settings }, command.patch) as JsonObject);
      if (!checked.ok) return checked;
      const settings = checked.value;
      const before = checkSettings({ ...state.settings });
      if (before.ok && isSame(settings, before.value)) return ok([]);
      if (command.hasTypes && !isSame(localesOf(settings), localesOf(state.settings))) {
        return refuse(
          fault(
            "conflict",
            "locales-in-use",
            `Cannot change the locales of space "${id}": it has content types, which rest on ${state.settings.locales.join(", ")} with default ${state.settings.defaultLocale}`,
          ),
        );
      }
      return ok([{ type: "SpaceChanged", data: { settings } }]);
    }
    case "DeleteSpace":
      return state.is === "active" ? ok([{ type: "SpaceDeleted", data: {} }]) : refuse(spaceMissing(id));
    default:
      return never(command);
  }
}

export const spaceMissing = (id: string): ReturnType<typeof fault> =>
  fault("missing", "space-missing", `There is no space "${id}"`);

const localesOf = ({ locales, defaultLocale }: SpaceSettings): readonly string[] => [defaultLocale, ...locales];

/** `checkSettings` builds settings in one order, which storage does not keep: of two that it made, the text says whether they are equal. */
const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
