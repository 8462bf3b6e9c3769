// SHA-256 over bytes that come bit by bit: the web's own digest wants them all at once.
import type { RunningHash } from "../../contexts/transfer/transfer.ts";

interface Digesting {
  getWriter(): { write(bytes: Uint8Array): Promise<void>; close(): Promise<void> };
  readonly digest: Promise<ArrayBuffer>;
}

export function runningHash(): RunningHash {
  const { DigestStream } = crypto as unknown as { DigestStream: new (algorithm: string) => Digesting };
  const stream = new DigestStream("SHA-256");
  const writer = stream.getWriter();
  return {
    add: (bytes) => writer.write(bytes),
    async end() {
      await writer.close();
      return Array.from(new Uint8Array(await stream.digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
  };
}
