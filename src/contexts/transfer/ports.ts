// What transfers need from outside: a place for files, and who understands a line.
import type { Result } from "../../kernel/result.ts";
import type { ImportedLine } from "../authoring/authoring.ts";

/** A file that is being written. */
export interface BlobParts {
  /** Parts in order, numbered from 1, all of one size but the last. */
  part(n: number, bytes: Uint8Array): Promise<void>;
  complete(): Promise<void>;
  abort(): Promise<void>;
}

/** Throws when the store is away. */
export interface BlobStore {
  put(key: string, bytes: Uint8Array): Promise<void>;
  begin(key: string): Promise<BlobParts>;
  /** `undefined`: there is no such file. */
  read(key: string, range: { readonly starts: number; readonly bytes: number }): Promise<Uint8Array | undefined>;
  /** Nothing happens when it is gone. */
  remove(key: string): Promise<void>;
}

/** SHA-256 of bytes that come bit by bit. */
export interface RunningHash {
  add(bytes: Uint8Array): Promise<void>;
  /** Lower-case hex; nothing can be added any more. */
  end(): Promise<string>;
}

/** One line of a file as an entry, or why not: pointers are into the line. */
export type ReadLine = (bytes: Uint8Array) => Result<ImportedLine>;
