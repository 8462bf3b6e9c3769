// R2 as a place for files: small ones at once, large ones in parts, because R2 takes no stream of unknown length.
import type { BlobStore } from "../../contexts/transfer/transfer.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import { Outage } from "../../platform/resilience/outage.ts";

interface Part {
  readonly partNumber: number;
  readonly etag: string;
}

/** The part of an R2 bucket that is used here. */
export interface BucketBinding {
  put(key: string, bytes: Uint8Array): Promise<unknown>;
  get(
    key: string,
    options: { range: { offset: number; length: number } },
  ): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
  delete(key: string): Promise<unknown>;
  createMultipartUpload(key: string): Promise<{
    uploadPart(n: number, bytes: Uint8Array): Promise<Part>;
    complete(parts: Part[]): Promise<unknown>;
    abort(): Promise<unknown>;
  }>;
}

export function r2Blobs(bucket: BucketBinding, guard: Guard): BlobStore {
  const run = <T>(work: () => Promise<T>): Promise<T> =>
    guard.run(async () => {
      try {
        return await work();
      } catch (error) {
        throw new Outage(guard.name, "failed", { cause: error });
      }
    });
  return {
    async put(key, bytes) {
      await run(() => bucket.put(key, bytes));
    },
    async begin(key) {
      const upload = await run(() => bucket.createMultipartUpload(key));
      const parts: Part[] = [];
      return {
        async part(n, bytes) {
          parts.push(await run(() => upload.uploadPart(n, bytes)));
        },
        async complete() {
          await run(() => upload.complete(parts));
        },
        async abort() {
          await run(() => upload.abort());
        },
      };
    },
    read: (key, { starts, bytes }) =>
      run(async () => {
        const found = await bucket.get(key, { range: { offset: starts, length: bytes } });
        return found === null ? undefined : new Uint8Array(await found.arrayBuffer());
      }),
    async remove(key) {
      await run(() => bucket.delete(key));
    },
  };
}
