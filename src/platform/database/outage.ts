// What a client throws: an outage (nobody answered in time) or an error of Postgres with its SQLSTATE.

/** No answer: refused, broken or too late. Whether a statement ran is not known. */
export class DatabaseUnavailable extends Error {
  override readonly name = "DatabaseUnavailable";
}

/** Postgres answered with an error; its statement did not take effect. The message is for logs, never for clients. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly sqlstate: string;
  constructor(sqlstate: string, message: string, options: ErrorOptions) {
    super(message, options);
    this.sqlstate = sqlstate;
  }
}

/** A call or its answer is larger than one request carries. An answer in itself: asked again it would be no smaller. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
  readonly what: "call" | "answer";
  constructor(what: "call" | "answer", message: string, options: ErrorOptions) {
    super(message, options);
    this.what = what;
  }
}

/** Lock or statement timeout, serialisation failure, deadlock, too many connections: nothing was written, try again later. */
const BUSY: ReadonlySet<string> = new Set(["55P03", "57014", "25P04", "40001", "40P01", "53300", "53200"]);
/**
 * Shut down, crashed, starting, connection lost, a standby asked to write: as good as no answer. So is a server that does not let us in: a standby
 * that has just been restarted may not know our role or database yet.
 */
const AWAY: ReadonlySet<string> = new Set(["57P01", "57P02", "57P03", "25006", "28000", "28P01", "3D000"]);

export function isBusy(error: unknown): boolean {
  return error instanceof DatabaseError && BUSY.has(error.sqlstate);
}

export function isAway(error: unknown): boolean {
  return (
    error instanceof DatabaseUnavailable ||
    (error instanceof DatabaseError && (AWAY.has(error.sqlstate) || error.sqlstate.startsWith("08")))
  );
}
