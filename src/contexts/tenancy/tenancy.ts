// The door of tenancy: spaces, plans, residency and API keys.
export { decodeKey, type KeyRecord, keyStatement, keyTrouble, keyUseStatement, verifyKey } from "./api-key.ts";
export { changeSpace, deleteSpace } from "./change-space.ts";
export { createSpace } from "./create-space.ts";
export { decodeDirectory, directoryStatement, spaceOfUidStatement } from "./directory.ts";
export { evolveKey, type KeyEvent, type KeyState, NO_KEY } from "./domain/key.ts";
export { allows, KEY_NAME_MOST, OVERLAP_MOST } from "./domain/key-decisions.ts";
export { type PresentedKey, parseKey, sameText } from "./domain/key-text.ts";
export {
  BUDGETS,
  type BudgetLimit,
  evolveSpace,
  NO_SPACE,
  PLANS,
  type Plan,
  type SpaceEvent,
  type SpaceSettings,
  type SpaceState,
} from "./domain/space.ts";
export {
  CLIENT_MAX_AGE_MOST,
  LOCALES_MOST,
  QUOTA_MOST,
  SPACE_NAME_MOST,
  WINDOW_MOST,
} from "./domain/space-settings.ts";
export { createKey, listKeys, revokeKey, rotateKey } from "./keys.ts";
export { listSpaces } from "./list-spaces.ts";
export { checkMatch, type IfMatch } from "./precondition.ts";
export { getSpace, type Registry } from "./registry.ts";
export { hashOf, hex, type Secrets } from "./secrets.ts";
export { type SettledClaims, settleClaims } from "./settle-claims.ts";
export { decodeSpace, etagOf, headStatement, type SpaceRecord, spaceStatement, spaceView } from "./space.ts";
