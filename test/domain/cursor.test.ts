// Cursors: good for the query, the space and the epoch that they were given out for, and for nothing else.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCursor, type Signer, writeCursor } from "../../src/contexts/delivery/cursor.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { position } from "../../src/kernel/position.ts";
import type { SpaceRef } from "../../src/kernel/scope.ts";
import { signer } from "../support/signer.ts";

const space: SpaceRef = { id: "atlas", uid: spaceUid(7), epoch: 3, residency: "us" };
const cursor = { at: position(41), place: { phase: 0, key: "Zürich", id: "zurich" } };
const query = '["city"]';
const mac = signer();

async function code(text: string, more: { space?: SpaceRef; query?: string; signer?: Signer } = {}): Promise<string> {
  const read = await readCursor(text, more.space ?? space, more.query ?? query, more.signer ?? mac);
  return read.ok ? "ok" : `${read.fault.kind} ${read.fault.code}`;
}

describe("a cursor", () => {
  test("gives back what was put in", async () => {
    const key = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.record({ phase: fc.nat(1), id: fc.string(), key }, { requiredKeys: ["phase", "id"] }),
        fc.maxSafeNat(),
        async (place, at) => {
          const text = await writeCursor({ at: position(at), place }, space, query, mac);
          expect(text).toMatch(/^[A-Za-z0-9_.-]+$/);
          expect(await readCursor(text, space, query, mac)).toEqual({ ok: true, value: { at, place } });
        },
      ),
      { numRuns: 100 },
    );
  });

  test("is refused for another query, another space, another key", async () => {
    const text = await writeCursor(cursor, space, query, mac);
    expect(await code(text)).toBe("ok");
    expect(await code(text, { query: '["country"]' })).toBe("malformed cursor-invalid");
    expect(await code(text, { space: { ...space, uid: spaceUid(8) } })).toBe("malformed cursor-invalid");
    expect(await code(text, { signer: signer("other") })).toBe("malformed cursor-invalid");
  });

  test("of an earlier life of the space says so, but only a real one", async () => {
    const text = await writeCursor(cursor, { ...space, epoch: 2 }, query, mac);
    expect(await code(text)).toBe("gone history-restored");
    expect(await code(text.replace(/.$/, "!"))).toBe("malformed cursor-invalid");
  });

  test("changed anywhere is refused, and nothing makes it throw", async () => {
    const text = await writeCursor(cursor, space, query, mac);
    for (let at = 0; at < text.length; at += 1) {
      const changed = `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
      // The last character before the dot may carry bits that mean nothing; the signature is over what they decode to.
      const read = await readCursor(changed, space, query, mac);
      expect(read.ok && JSON.stringify(read.value) !== JSON.stringify(cursor)).toBe(false);
    }
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.base64String(), fc.constant(`${text}.${text}`), fc.constant("..")),
        async (other) => (await code(other)).startsWith("malformed") || other.startsWith(text),
      ),
    );
    for (const none of ["", ".", "A", "====", "\0", "é"]) {
      expect(await code(none)).toBe("malformed cursor-invalid");
    }
  });
});
