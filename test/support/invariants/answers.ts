// What an answer must be by itself: nobody else's content (invariant 5), and a problem with a request id when it is an error (invariant 6); and
// that answers of 5xx had their reason (invariant 7).
import { randomBytes } from "node:crypto";
import type { HeardAnswer, RecordedFault, RecordedTrouble, Recording, Violation } from "./recording.ts";

const CANARY = /canary-[0-9a-f]{16}/g;
const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const newCanary = (): string => `canary-${randomBytes(8).toString("hex")}`;
export const canariesIn = (text: string): ReadonlySet<string> => new Set(text.match(CANARY) ?? []);

export function problemFaults({ method, status, headers, text }: Omit<HeardAnswer, "from" | "to">): readonly string[] {
  const requestId = headers.get("request-id");
  const faults = REQUEST_ID.test(requestId ?? "") ? [] : ["it has no Request-Id"];
  if (status < 400) return faults;
  if (headers.get("content-type") !== "application/problem+json")
    return [...faults, `an error of ${headers.get("content-type")}: ${text.slice(0, 120)}`];
  if (method === "HEAD") return faults;
  const body = problemIn(text);
  if (body === undefined) return [...faults, `a problem that is no JSON object: ${text.slice(0, 120)}`];
  if (body["requestId"] !== requestId) faults.push("its body has another request id than its header");
  if (body["status"] !== status) faults.push(`its body says ${body["status"]}`);
  for (const member of ["type", "title", "detail", "code"])
    if (typeof body[member] !== "string" || body[member] === "") faults.push(`its body has no ${member}`);
  return faults;
}

/** Members of the object that the text is; `undefined`: it is none. */
export function problemIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** Files that one isolate takes in at once, of a space and of all: the next is told to come again (decision 0025). */
const UPLOADS_OF_A_SPACE = 2;
const UPLOADS_MOST = 4;

/**
 * A file that was one too many is no trouble, if there were so many. `grace`: milliseconds after a fault was lifted in which its traces (open breakers, starting processes) may still be seen. An answer of 500 has
 * no excuse: what is away is 503.
 */
export function troublesWithoutFault(
  { faults, troubles, uploads }: Pick<Recording, "faults" | "troubles" | "uploads">,
  grace: number,
): readonly Violation[] {
  const isCrowd = ({ space, worker, from, to }: RecordedTrouble): boolean => {
    const beside = uploads.filter((upload) => upload.worker === worker && upload.from <= to && upload.to >= from);
    const own = beside.filter((upload) => upload.space === space);
    return own.length >= UPLOADS_OF_A_SPACE || beside.length >= UPLOADS_MOST;
  };
  const isExcused = (trouble: RecordedTrouble): boolean =>
    (trouble.status === 0 || trouble.status === 503) &&
    (faults.some((fault) => trouble.from <= fault.to + grace && trouble.to >= fault.from) ||
      (trouble.isCrowdedOut === true && isCrowd(trouble)));
  return troubles
    .filter((trouble) => !isExcused(trouble))
    .map(({ space, what, requestId, from }) => ({
      invariant: 7,
      ...(space === undefined ? {} : { space }),
      what: `${what} at ${new Date(from).toISOString()} (request ${requestId ?? "unknown"}), ${lastFault(faults, from)}`,
    }));
}

function lastFault(faults: readonly RecordedFault[], at: number): string {
  const last = faults.filter(({ from }) => from <= at).at(-1);
  return last === undefined ? "before any fault" : `${at - last.to} ms after "${last.what}" was lifted`;
}
