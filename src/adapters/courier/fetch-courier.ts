// Posts to strangers: they may be silent, slow, endless or elsewhere. Nothing of theirs is followed, and little of it is read.
import type { Courier } from "../../contexts/webhooks/webhooks.ts";

const BODY_BYTES = 1_024;
/** For the summary alone: the status has said already how it went. */
const BODY_MS = 1_000;
const HEADERS = ["content-type", "retry-after", "location", "server"];
const HEADER_MOST = 200;

export const fetchCourier: Courier = {
  async post(url, headers, body, within) {
    const controller = new AbortController();
    const late = timeout(within);
    try {
      const asked = fetch(url, { method: "POST", headers, body, redirect: "manual", signal: controller.signal });
      const response = await Promise.race([asked, late.passed]);
      if (response === undefined) throw new DOMException("No answer came in time", "TimeoutError");
      const kept = HEADERS.flatMap((name) => {
        const value = response.headers.get(name);
        return value === null ? [] : [[name, value.slice(0, HEADER_MOST)] as const];
      });
      return { status: response.status, headers: Object.fromEntries(kept), body: await beginningOf(response) };
    } finally {
      late.stop();
      controller.abort();
    }
  },
};

async function beginningOf(response: Response): Promise<string> {
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
  if (reader === undefined) return "";
  const late = timeout(BODY_MS);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    while (bytes < BODY_BYTES) {
      const read = await Promise.race([reader.read(), late.passed]);
      if (read === undefined || read.done) break;
      parts.push(read.value.subarray(0, BODY_BYTES - bytes));
      bytes += read.value.byteLength;
    }
  } catch {
    // Cut off in the middle: what came is the summary.
  }
  late.stop();
  void reader.cancel().catch(() => undefined);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  // Postgres stores neither U+0000 nor halves of characters.
  return new TextDecoder().decode(whole).replaceAll("\u0000", "\ufffd").toWellFormed();
}

function timeout(ms: number): { readonly passed: Promise<undefined>; stop(): void } {
  let stop = (): void => undefined;
  const passed = new Promise<undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    stop = () => clearTimeout(timer);
  });
  return { passed, stop: () => stop() };
}
