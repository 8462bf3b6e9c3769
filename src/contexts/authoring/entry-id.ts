// UUIDv7 (RFC 9562): ids that sort by when they were made, so that new rows are neighbours.
import type { Instant } from "../../kernel/clock.ts";

/** `random`: ten bytes. */
export function entryId(now: Instant, random: Uint8Array): string {
  const time = Math.trunc(now).toString(16).padStart(12, "0").slice(-12);
  const [a = 0, b = 0, c = 0, ...rest] = random;
  const tail = [(a & 0x0f) | 0x70, b, (c & 0x3f) | 0x80, ...rest]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-${tail.slice(0, 4)}-${tail.slice(4, 8)}-${tail.slice(8, 20)}`;
}
