// What may happen to an API key. No key gives away more than it holds: not by creating another, not by rotating one.
import type { Instant } from "../../../kernel/clock.ts";
import { type Fault, type FaultItem, fault, quote } from "../../../kernel/fault.ts";
import { isStorable } from "../../../kernel/json.ts";
import { never, ok, type Result, refuse } from "../../../kernel/result.ts";
import { type Actor, SCOPE_NAMES, type ScopeName } from "../../../kernel/scope.ts";
import type { KeyEvent, KeyState } from "./key.ts";

export type KeyCommand =
  | {
      readonly type: "CreateKey";
      readonly name: string;
      readonly scopes: readonly ScopeName[];
      readonly hash: string;
      readonly expiresAt: string | null;
    }
  | { readonly type: "RotateKey"; readonly id: string; readonly hash: string; readonly overlapSeconds: number }
  | { readonly type: "RevokeKey"; readonly id: string };

export const KEY_NAME_MOST = 200;
/** A week: an overlap is for deployments, not for keeping two secrets. */
export const OVERLAP_MOST = 604_800;
const YEAR_10000 = Date.UTC(10_000, 0);

/** Events to record; `now` is the time of asking. */
export function decideKey(
  command: KeyCommand,
  state: KeyState,
  actor: Actor,
  now: Instant,
): Result<readonly KeyEvent[]> {
  if (command.type === "CreateKey") return create(command, actor, now);
  if (state.is !== "live") return refuse(fault("missing", "key-missing", `There is no key ${quote(command.id)}`));
  switch (command.type) {
    case "RotateKey": {
      const exceeded = exceeds(actor, state.scopes);
      if (exceeded) return refuse(exceeded);
      if (state.expiresAt !== null && Date.parse(state.expiresAt) <= now) {
        return refuse(
          fault("conflict", "key-expired", `Cannot rotate key ${quote(command.id)}: it expired at ${state.expiresAt}`),
        );
      }
      const overlaps = command.overlapSeconds > 0;
      const previousUntil = overlaps ? new Date(now + command.overlapSeconds * 1000).toISOString() : null;
      return ok([
        { type: "KeyRotated", data: { hash: command.hash, previous: overlaps ? state.hash : null, previousUntil } },
      ]);
    }
    case "RevokeKey":
      return ok([{ type: "KeyRevoked", data: {} }]);
    default:
      return never(command);
  }
}

function create(
  command: Extract<KeyCommand, { type: "CreateKey" }>,
  actor: Actor,
  now: Instant,
): Result<readonly KeyEvent[]> {
  const errors: FaultItem[] = [];
  const length = [...command.name].length;
  if (length < 1 || length > KEY_NAME_MOST || !isStorable(command.name)) {
    errors.push({
      pointer: "/name",
      code: "invalid-value",
      detail: `A key's name has 1 to ${KEY_NAME_MOST} characters, none of them U+0000`,
    });
  }
  if (command.scopes.length === 0)
    errors.push({ pointer: "/scopes", code: "invalid-value", detail: "A key needs at least one scope" });
  const expiresAt = command.expiresAt === null ? null : Date.parse(command.expiresAt);
  if (expiresAt !== null && !(expiresAt > now && expiresAt < YEAR_10000)) {
    errors.push({
      pointer: "/expiresAt",
      code: "invalid-value",
      detail: `A key expires in the future, before the year 10000: not at ${quote(command.expiresAt)}`,
    });
  }
  if (errors.length > 0) return refuse(fault("invalid", "invalid-value", errors[0]?.detail ?? "", { errors }));
  const exceeded = exceeds(actor, command.scopes);
  if (exceeded) return refuse(exceeded);
  // One order for equal rights, whatever was sent.
  const scopes = SCOPE_NAMES.filter((name) => command.scopes.includes(name));
  return ok([
    {
      type: "KeyCreated",
      data: {
        name: command.name,
        scopes,
        hash: command.hash,
        expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
      },
    },
  ]);
}

/** Whether a credential with these scopes may do what `wanted` allows: writing content includes previewing it. */
export function allows(held: ReadonlySet<ScopeName>, wanted: ScopeName): boolean {
  return held.has(wanted) || (wanted === "content:preview" && held.has("content:write"));
}

function exceeds(actor: Actor, scopes: readonly ScopeName[]): Fault | undefined {
  if (actor.type === "root" || actor.type === "system") return undefined;
  const held: ReadonlySet<ScopeName> = actor.type === "key" ? actor.scopes : new Set();
  const beyond = scopes.find((scope) => !allows(held, scope));
  if (beyond === undefined) return undefined;
  return fault("forbidden", "scope-exceeded", `Cannot grant scope ${quote(beyond)}: this credential does not hold it`);
}
