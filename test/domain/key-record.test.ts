// Whether a presented key is the one on record: secrets, rotation, expiry.
import { expect, test } from "vitest";
import { decodeKey, keyTrouble, verifyKey } from "../../src/contexts/tenancy/api-key.ts";
import {
  formatKey,
  ID_BYTES,
  newKeyId,
  newSecret,
  type PresentedKey,
  parseKey,
  SECRET_BYTES,
} from "../../src/contexts/tenancy/domain/key-text.ts";
import { decodeKeyCursor, encodeKeyCursor } from "../../src/contexts/tenancy/key-cursor.ts";
import { hashOf, type Secrets } from "../../src/contexts/tenancy/secrets.ts";
import { instant } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";

const secrets: Secrets = {
  random: (bytes) => new Uint8Array(bytes).fill(5),
  sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes))),
};
const NOW = instant(Date.parse("2026-11-22T10:00:00.000Z"));
const ID = newKeyId(spaceUid(3), secrets.random(ID_BYTES));
const secret = (seed: number): string => newSecret(new Uint8Array(SECRET_BYTES).fill(seed));
const presented = (seed: number): PresentedKey => parseKey(formatKey(ID, secret(seed))) as PresentedKey;

async function row(over: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  return {
    id: ID,
    name: "website",
    scopes: ["content:read"],
    hash: await hashOf(secrets, secret(1)),
    previous_hash: null,
    previous_until: null,
    created_at: "2026-11-22T09:00:00.000Z",
    expires_at: null,
    revoked_at: null,
    last_used_at: null,
    revision: 1,
    position: 4,
    ...over,
  };
}
const verified = async (seed: number, over: Record<string, unknown> = {}): Promise<boolean> =>
  verifyKey(presented(seed), decodeKey(await row(over)), NOW, secrets);

test("the right secret is the key, another is not", async () => {
  expect(await verified(1)).toBe(true);
  expect(await verified(2)).toBe(false);
});

test("a key that expired or was revoked is not, whatever the secret", async () => {
  expect(await verified(1, { expires_at: "2026-11-22T10:00:00.001Z" })).toBe(true);
  expect(await verified(1, { expires_at: "2026-11-22T10:00:00.000Z" })).toBe(false);
  expect(await verified(1, { revoked_at: "2026-11-22T09:30:00.000Z" })).toBe(false);
  expect(keyTrouble(decodeKey(await row({ revoked_at: "2026-11-22T09:30:00.000Z" })), NOW)).toBe("revoked");
  expect(keyTrouble(decodeKey(await row({ expires_at: "2026-11-22T09:30:00.000Z" })), NOW)).toBe("expired");
});

test("within the overlap of a rotation both secrets are the key, after it the new one", async () => {
  const rotated = { hash: await hashOf(secrets, secret(2)), previous_hash: await hashOf(secrets, secret(1)) };
  for (const until of ["2026-11-22T10:00:00.001Z", "2026-11-22T10:00:00.000Z"]) {
    expect(await verified(2, { ...rotated, previous_until: until })).toBe(true);
    expect(await verified(1, { ...rotated, previous_until: until })).toBe(until.endsWith("001Z"));
  }
});

test("a record of another id is never the key", async () => {
  expect(await verified(1, { id: "00000000001" })).toBe(false);
});

test("a cursor leads back to where it was made, and nothing else is one", () => {
  const at = { createdAt: "2026-11-22T09:00:00.123Z", id: ID };
  expect(decodeKeyCursor(encodeKeyCursor(at))).toEqual({ ok: true, value: at });
  expect(decodeKeyCursor(undefined)).toEqual({ ok: true, value: undefined });
  for (const cursor of ["", "x", "1-", `-${ID}`, `999999999999999-${ID}`, `1-${ID}'`])
    expect(decodeKeyCursor(cursor)).toMatchObject({ ok: false, fault: { code: "cursor-invalid" } });
});
