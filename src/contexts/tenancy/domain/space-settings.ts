// The rules that a space's settings keep, and how a merge patch (RFC 7396) changes them.
import type { Seconds } from "../../../kernel/clock.ts";
import { type FaultItem, fault, quote } from "../../../kernel/fault.ts";
import { LOCALE } from "../../../kernel/id.ts";
import { isObject, isStorable, type Json, type JsonObject } from "../../../kernel/json.ts";
import { ok, type Result, refuse } from "../../../kernel/result.ts";
import { BUDGETS, type BudgetLimit, PLANS, type Plan, type SpaceSettings } from "./space.ts";

export const SPACE_NAME_MOST = 200;
export const LOCALES_MOST = 20;
export const QUOTA_MOST = 1_000_000_000;
/** A day, in seconds. */
export const WINDOW_MOST = 86_400;
/** A year, in seconds. */
export const CLIENT_MAX_AGE_MOST = 31_536_000;

const MEMBERS: ReadonlySet<string> = new Set([
  "name",
  "locales",
  "defaultLocale",
  "publicRead",
  "plan",
  "limits",
  "clientMaxAge",
  "edgeOutsideResidency",
]);

/** Settings in one form for equal meaning, or `invalid`/`invalid-value` with an item for each rule that is broken. */
export function checkSettings(given: JsonObject): Result<SpaceSettings> {
  const errors: FaultItem[] = [];
  const wrong = (pointer: string, detail: string): void => void errors.push({ pointer, code: "invalid-value", detail });

  for (const name of Object.keys(given))
    if (!MEMBERS.has(name)) wrong(`/${name}`, `A space has no setting ${quote(name)}`);
  const { name, defaultLocale, publicRead, plan, clientMaxAge, edgeOutsideResidency } = given;
  if (typeof name !== "string" || name === "" || [...name].length > SPACE_NAME_MOST || !isStorable(name)) {
    wrong("/name", `A space's name has 1 to ${SPACE_NAME_MOST} characters, none of them U+0000`);
  }
  const locales = checkLocales(given["locales"], wrong);
  if (locales.length > 0 && !locales.includes(defaultLocale as string))
    wrong("/defaultLocale", `The default locale is one of the space's locales: ${quote(defaultLocale ?? null)} is not`);
  if (typeof publicRead !== "boolean") wrong("/publicRead", "publicRead is true or false");
  if (!(PLANS as readonly unknown[]).includes(plan))
    wrong("/plan", `There is no plan ${quote(plan ?? null)}: ${PLANS.join(", ")}`);
  const limits = checkLimits(given["limits"] ?? {}, wrong);
  if (clientMaxAge !== undefined && !isCount(clientMaxAge, 0, CLIENT_MAX_AGE_MOST))
    wrong("/clientMaxAge", `clientMaxAge is a whole number of seconds from 0 to ${CLIENT_MAX_AGE_MOST}`);
  if (edgeOutsideResidency !== undefined && typeof edgeOutsideResidency !== "boolean")
    wrong("/edgeOutsideResidency", "edgeOutsideResidency is true or false");

  if (errors.length > 0) return refuse(fault("invalid", "invalid-value", errors[0]?.detail ?? "", { errors }));
  const settings = {
    name: name as string,
    locales,
    defaultLocale: defaultLocale as string,
    publicRead: publicRead as boolean,
    plan: plan as Plan,
    limits,
  };
  return ok({
    ...settings,
    ...(clientMaxAge === undefined ? {} : { clientMaxAge: clientMaxAge as Seconds }),
    ...(edgeOutsideResidency === false ? { edgeOutsideResidency } : {}),
  });
}

/** Both locales of a pair that differs only in case would be one language tag (BCP 47 ignores case). */
function checkLocales(given: Json | undefined, wrong: (pointer: string, detail: string) => void): readonly string[] {
  if (!Array.isArray(given) || given.length < 1 || given.length > LOCALES_MOST) {
    wrong("/locales", `A space has 1 to ${LOCALES_MOST} locales`);
    return Array.isArray(given) ? given : [];
  }
  const seen = new Set<string>();
  given.forEach((locale: Json, at) => {
    if (typeof locale !== "string" || !LOCALE.test(locale))
      wrong(`/locales/${at}`, `${quote(locale)} is not a language tag such as "en" or "pt-BR"`);
    else if (seen.has(locale.toLowerCase())) wrong(`/locales/${at}`, `The locale ${quote(locale)} is there twice`);
    else seen.add(locale.toLowerCase());
  });
  return given as readonly string[];
}

function checkLimits(
  given: Json,
  wrong: (pointer: string, detail: string) => void,
): Readonly<Record<string, BudgetLimit>> {
  if (!isObject(given)) {
    wrong("/limits", "Limits are an object of budgets");
    return {};
  }
  for (const name of Object.keys(given))
    if (!(BUDGETS as readonly string[]).includes(name))
      wrong(`/limits/${name}`, `There is no budget ${quote(name)}: ${BUDGETS.join(", ")}`);
  const limits: Record<string, BudgetLimit> = {};
  for (const budget of BUDGETS) {
    const limit = given[budget];
    if (limit === undefined) continue;
    const { quota, window } = isObject(limit) ? limit : {};
    if (isCount(quota, 1, QUOTA_MOST) && isCount(window, 1, WINDOW_MOST)) limits[budget] = { quota, window };
    else
      wrong(
        `/limits/${budget}`,
        `A limit is {quota: 1 to ${QUOTA_MOST}, window: 1 to ${WINDOW_MOST} seconds}, both whole numbers`,
      );
  }
  return limits;
}

function isCount(value: Json | undefined, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** RFC 7396: members of objects are merged, `null` removes, everything else replaces. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}
