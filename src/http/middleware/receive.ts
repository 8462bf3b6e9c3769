// Takes a request's body in, bounded in bytes and in time, before anybody looks at it.
import { type Fault, fault } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";

export const MAX_BODY = 1024 * 1024;
/** A client that takes longer to send one mebibyte is holding the connection, not using it. */
const MAX_WAIT = 20_000;

const TOO_LARGE: Fault = fault("malformed", "body-too-large", `The body is larger than ${MAX_BODY} bytes`);
const TOO_SLOW: Fault = fault(
  "malformed",
  "request-timeout",
  `The body did not arrive within ${MAX_WAIT / 1000} seconds`,
);

export async function receiveBody(request: Request): Promise<Result<Uint8Array>> {
  // A declared length refuses early; the count below decides, since both a length and chunks may be sent.
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY) return refuse(TOO_LARGE);
  if (request.body === null) return ok(new Uint8Array());
  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let timer = 0 as unknown as ReturnType<typeof setTimeout>;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), MAX_WAIT);
  });
  for (;;) {
    const part = await Promise.race([reader.read(), late]);
    if (part === "late") return await giveUp(reader, TOO_SLOW);
    if (part.done) break;
    size += part.value.byteLength;
    if (size > MAX_BODY) {
      clearTimeout(timer);
      return await giveUp(reader, TOO_LARGE);
    }
    chunks.push(part.value);
  }
  clearTimeout(timer);
  return ok(chunks.length === 1 && chunks[0] ? chunks[0] : joined(chunks, size));
}

async function giveUp(reader: ReadableStreamDefaultReader<Uint8Array>, why: Fault): Promise<Result<Uint8Array>> {
  await reader.cancel();
  return refuse(why);
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
