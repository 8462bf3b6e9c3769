// Problems of spaces and keys.
import type { Problem } from "../problems.ts";

export const TENANCY_PROBLEMS: Readonly<Record<string, Problem>> = {
  "space-missing": {
    kind: "missing",
    title: "No such space",
    means: "There is no space with this id, or the credential belongs to another one.",
    remedy: "Check the space's id and the key that you use.",
  },
  "space-exists": {
    kind: "conflict",
    title: "Space id taken",
    means: "A space with this id exists, or existed; the ids of erased spaces are not given out again.",
    remedy: "Choose another id.",
  },
  "locales-in-use": {
    kind: "conflict",
    title: "Locale in use",
    means:
      "The locales of a space, and which of them is the default, cannot change while the space has content types: their indexes rest on them.",
    remedy: "Keep the locales, or create a space with the new ones and write the content there.",
  },
  "key-missing": {
    kind: "missing",
    title: "No such key",
    means: "The space has no key with this id, or it was revoked.",
    remedy: "List the space's keys to see their ids.",
  },
  "key-expired": {
    kind: "conflict",
    title: "Key has expired",
    means: "An expired key cannot be given a new secret.",
    remedy: "Create a new key.",
  },
  "scope-exceeded": {
    kind: "forbidden",
    title: "Scope exceeded",
    means: "A key can grant only scopes that it holds itself.",
    remedy: "Ask for fewer scopes, or use a key, or the root key, that holds them.",
  },
};
