// The signature of a cursor.
import { expect, test } from "vitest";
import { hmacSigner } from "../../src/adapters/webcrypto/hmac-signer.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

test("has one spelling", async () => {
  const signer = hmacSigner("a secret");
  for (const text of ["", "a", "b", "c", "d"]) {
    const mac = await signer.sign(text);
    expect(await signer.verify(text, mac)).toBe(true);
    const others = [...DIGITS].map((digit) => `${mac.slice(0, -1)}${digit}`).filter((other) => other !== mac);
    for (const other of [...others, `${mac}A`, mac.slice(0, -1), ""])
      expect(await signer.verify(text, other)).toBe(false);
    expect(await signer.verify(`${text}x`, mac)).toBe(false);
  }
});
