// Lines that failed, in the file's own numbers, written where the user wants them or told in a few words.

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { fileFailure, printable } from "./failure.ts";
import { responseLines } from "./response-lines.ts";
import type { Server } from "./server.ts";

export interface LineError {
  readonly line: number;
  readonly pointer?: string;
  readonly code: string;
  readonly detail: string;
}

export interface ErrorSink {
  add(error: LineError): Promise<void>;
  end(): Promise<void>;
}

const TOLD = 10;

/** `path`: NDJSON, made at once, so that what cannot be written is known before anything is imported. Absent: the first few are said. */
export async function openErrors(path: string | undefined, say: (line: string) => void): Promise<ErrorSink> {
  if (path === undefined) {
    let count = 0;
    return {
      async add({ line, pointer = "", code, detail }) {
        count += 1;
        if (count <= TOLD) say(printable(`line ${line}${pointer === "" ? "" : ` ${pointer}`}: ${code}: ${detail}`));
      },
      async end() {
        if (count > TOLD) say(`… and ${count - TOLD} more; --errors FILE writes them all`);
      },
    };
  }
  const file = createWriteStream(path);
  // An error that nobody has waited for yet must not end the program; the next write meets it again.
  let failed: unknown;
  file.on("error", (error) => {
    failed = fileFailure(path, error);
  });
  await once(file, "open").catch((error: unknown) => {
    throw fileFailure(path, error);
  });
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      file.write(text, () => (failed === undefined ? resolve() : reject(failed)));
    });
  return {
    add: (error) => write(`${JSON.stringify(error)}\n`),
    end: () =>
      new Promise((resolve, reject) => {
        file.end(() => (failed === undefined ? resolve() : reject(failed)));
      }),
  };
}

/** `lineOf`: the number within the file of a line of that import. */
export async function* readErrors(
  server: Server,
  job: string,
  lineOf: (line: number) => number,
  signal: AbortSignal,
): AsyncGenerator<LineError, void> {
  const answer = await server.ask(`imports/${encodeURIComponent(job)}/errors`, { signal });
  for await (const text of responseLines(answer)) {
    const error = JSON.parse(text) as LineError;
    yield { ...error, line: lineOf(error.line) };
  }
}
