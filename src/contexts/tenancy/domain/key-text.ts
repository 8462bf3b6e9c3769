// What an API key looks like: `mrd_<keyId>_<secret><checksum>`, all base62. A mistyped key is told apart without asking anything.
import { type KeyId, type SpaceUid, spaceUid } from "../../../kernel/id.ts";

/** A key as somebody presents it. Its shape and checksum are right; nothing else is known yet. */
export interface PresentedKey {
  readonly id: KeyId;
  /** The space that the key says it belongs to: where its record is, whatever space is asked for. */
  readonly space: SpaceUid;
  readonly secret: string;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Bytes of randomness that `newKeyId` asks for: ids are only told apart within a space, where a repeated one is refused. */
export const ID_BYTES = 7;
const ID_LENGTH = 10;
/** 160 bits, in base62: 27 digits. */
export const SECRET_BYTES = 20;
const SECRET_LENGTH = 27;
const CHECKSUM_LENGTH = 6;

const SHAPE = /^mrd_([0-9A-Za-z]{10})([1-9A-Za-z][0-9A-Za-z]{0,5})_([0-9A-Za-z]{27})([0-9A-Za-z]{6})$/;

/** Ten random digits and the space's uid. */
export function newKeyId(space: SpaceUid, random: Uint8Array): KeyId {
  return `${base62(numberOf(random), ID_LENGTH)}${base62(BigInt(space), 1)}` as KeyId;
}

export function newSecret(random: Uint8Array): string {
  return base62(numberOf(random), SECRET_LENGTH);
}

export function formatKey(id: KeyId, secret: string): string {
  const text = `mrd_${id}_${secret}`;
  return `${text}${checksum(text)}`;
}

/** Undefined when this cannot be a key: wrong shape, or a checksum that does not fit. */
export function parseKey(text: string): PresentedKey | undefined {
  const [, random, space, secret, found] = SHAPE.exec(text) ?? [];
  if (random === undefined || space === undefined || secret === undefined || found === undefined) return undefined;
  if (checksum(text.slice(0, -CHECKSUM_LENGTH)) !== found) return undefined;
  return { id: `${random}${space}` as KeyId, space: spaceUid(numberIn(space)), secret };
}

/** CRC-32 (ISO-HDLC) finds every single wrong character, and every burst of up to four. The text is ASCII. */
function checksum(text: string): string {
  let crc = 0xffffffff;
  for (let at = 0; at < text.length; at += 1) {
    crc ^= text.charCodeAt(at);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  let digits = "";
  for (let left = ~crc >>> 0; left > 0; left = Math.floor(left / 62)) digits = `${DIGITS[left % 62]}${digits}`;
  return digits.padStart(CHECKSUM_LENGTH, "0");
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function base62(number: bigint, width: number): string {
  let digits = "";
  for (let left = number; left > 0n; left /= 62n) digits = `${DIGITS[Number(left % 62n)]}${digits}`;
  return digits.padStart(width, "0");
}

/** Of six digits at most, which a number holds exactly. */
function numberIn(digits: string): number {
  let number = 0;
  for (const digit of digits) number = number * 62 + DIGITS.indexOf(digit);
  return number;
}

/** Takes the same time wherever the first difference is. */
export function sameText(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1)
    difference |= one.charCodeAt(at) ^ other.charCodeAt(at % Math.max(1, other.length));
  return difference === 0;
}
