// The form of API keys: a mistyped one is told apart without asking anybody.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatKey,
  ID_BYTES,
  newKeyId,
  newSecret,
  parseKey,
  SECRET_BYTES,
  sameText,
} from "../../src/contexts/tenancy/domain/key-text.ts";
import { spaceUid } from "../../src/kernel/id.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uids = fc.integer({ min: 1, max: 2 ** 31 - 1 }).map(spaceUid);
const keys = fc.tuple(uids, bytes(ID_BYTES), bytes(SECRET_BYTES)).map(([space, id, secret]) => {
  const keyId = newKeyId(space, id);
  const text = newSecret(secret);
  return { space, keyId, secret: text, key: formatKey(keyId, text) };
});

test("a key says its id, its space and its secret", () => {
  fc.assert(
    fc.property(keys, ({ space, keyId, secret, key }) => {
      expect(key).toMatch(/^mrd_[0-9A-Za-z]{11,16}_[0-9A-Za-z]{33}$/);
      expect(parseKey(key)).toEqual({ id: keyId, space, secret });
    }),
  );
});

test("any single wrong character is refused, wherever it is and whatever it is", () => {
  const wrong = fc.oneof(
    fc.constantFrom(..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"),
    fc.string({ minLength: 1, maxLength: 1 }),
  );
  fc.assert(
    fc.property(keys, fc.nat(), wrong, ({ key }, seed, character) => {
      const at = seed % key.length;
      fc.pre(key[at] !== character);
      expect(parseKey(`${key.slice(0, at)}${character}${key.slice(at + 1)}`)).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});

test("every single wrong digit of one key is refused", () => {
  const key = formatKey(
    newKeyId(spaceUid(7), new Uint8Array(ID_BYTES).fill(3)),
    newSecret(new Uint8Array(SECRET_BYTES).fill(9)),
  );
  expect(parseKey(key)).toBeDefined();
  for (let at = 0; at < key.length; at += 1) {
    for (const digit of "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_") {
      if (digit !== key[at]) expect(parseKey(`${key.slice(0, at)}${digit}${key.slice(at + 1)}`)).toBeUndefined();
    }
  }
});

test("swapped neighbours and lost or doubled characters are refused", () => {
  fc.assert(
    fc.property(keys, fc.nat(), ({ key }, seed) => {
      const at = seed % (key.length - 1);
      const [one = "", two = ""] = key.slice(at, at + 2);
      if (one !== two) expect(parseKey(`${key.slice(0, at)}${two}${one}${key.slice(at + 2)}`)).toBeUndefined();
      expect(parseKey(`${key.slice(0, at)}${key.slice(at + 1)}`)).toBeUndefined();
      expect(parseKey(`${key.slice(0, at)}${one}${key.slice(at)}`)).toBeUndefined();
    }),
  );
});

test("nothing else is a key", () => {
  for (const text of ["", "mrd_", "mrd_root_local", "Bearer x", "mrd_a_b", ` ${"x".repeat(50)}`])
    expect(parseKey(text)).toBeUndefined();
  fc.assert(fc.property(fc.string(), (text) => void expect(parseKey(text)).toBeUndefined()));
});

test("the checksum is the CRC-32 that everybody else computes", () => {
  // zlib.crc32("mrd_00000000001_000000000000000000000000000") = 0x0d4a34e5
  const key = formatKey(newKeyId(spaceUid(1), new Uint8Array(ID_BYTES)), newSecret(new Uint8Array(SECRET_BYTES)));
  expect(key).toBe(`mrd_00000000001_${"0".repeat(27)}0F5Xu9`);
});

test("a secret holds all of its 160 bits", () => {
  expect(newSecret(new Uint8Array(SECRET_BYTES).fill(255))).toHaveLength(27);
  fc.assert(
    fc.property(bytes(SECRET_BYTES), bytes(SECRET_BYTES), (one, other) => {
      expect(newSecret(one) === newSecret(other)).toBe(one.every((byte, at) => byte === other[at]));
    }),
  );
});

test("texts are the same only when they are", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(sameText(one, one)).toBe(true);
      expect(sameText(one, other)).toBe(one === other);
      expect(sameText(one, one + other)).toBe(other === "");
    }),
  );
});
