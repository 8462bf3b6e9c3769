// What the command line ends with: an exit code that scripts can rely on, and one plain sentence.

export const EXIT = {
  done: 0,
  /** The import was completed, and some of its lines failed. */
  linesFailed: 1,
  /** The command was not understood, or a file cannot be read or written. */
  usage: 2,
  /** The server refused: key, space, scope, or what was sent. */
  refused: 3,
  /** No answer, or only "later", for as long as one waits. */
  unreachable: 4,
  /** Begun and not brought to its end: an import that failed or was cancelled, an export that was broken off. */
  unfinished: 5,
  /** A fault of this program; it prints where. */
  broken: 70,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export class Failure extends Error {
  override readonly name = "Failure";
  readonly exit: number;

  constructor(exit: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

/** A message about a file, for errors of the file system; everything else is passed on as it is. */
export function fileFailure(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^E[A-Z]+$/.test(code)) return error;
  const known: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file or folder",
    EACCES: "it may not be opened",
    EISDIR: "it is a folder",
    ENOSPC: "the disk is full",
  };
  return new Failure(EXIT.usage, `${path}: ${known[code] ?? message}`, { cause: error });
}

/** Text of others, which may hold anything, for a terminal. */
export const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, "\u{FFFD}");
