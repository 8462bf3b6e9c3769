// The log against what clients were told (invariant 1) and against itself (invariant 2).
import type { Session } from "../postgres.ts";
import type { RecordedSpace, RecordedWrite, ToldEntry, Violation } from "./recording.ts";

export interface LoggedEvent {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  /** Without content. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly trace: string | null;
  /** Of the request, or the job that wrote it. */
  readonly request: string | null;
  /** With microseconds: equal within a commit and in no other. */
  readonly at: string;
  readonly tags: readonly string[];
}

export async function readLog(sql: Session, space: number): Promise<readonly LoggedEvent[]> {
  const rows = await sql(
    `select position, stream, version, type, data - 'fields' - 'document' - 'shape' as data, split_part(meta->>'traceparent', '-', 2) as trace, meta->>'requestId' as request,
            to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at, tags from events where space = $1 order by position`,
    [space],
  );
  return rows as unknown as readonly LoggedEvent[];
}

/** Invariant 1: what was acknowledged is there once, where the answer said and as it said; what was refused is not there; nothing is there twice. */
export function writesAgainstLog(
  space: RecordedSpace,
  log: readonly LoggedEvent[],
  writes: readonly RecordedWrite[],
): readonly Violation[] {
  const found: Violation[] = [];
  const byTrace = Map.groupBy(
    log.filter(({ trace }) => trace !== null && trace !== ""),
    ({ trace }) => trace as string,
  );
  const states = entryStates(log);
  for (const write of writes) {
    const say = (what: string) => found.push({ invariant: 1, space: space.id, what: `${write.what}: ${what}` });
    const events = byTrace.get(write.trace) ?? [];
    const commits = new Set(events.map(({ at }) => at)).size;
    if (commits > 1) say(`it is in the log ${commits} times, at ${events.map(({ position }) => position).join(", ")}`);
    const told = write.acknowledged;
    if (told === undefined) {
      const isRefused = write.attempts.every(
        ({ status, code }) => (status >= 400 && status < 500) || (status === 503 && code !== "outcome-unknown"),
      );
      if (isRefused && commits > 0) say(`it was refused (${tell(write)}) and is in the log at ${events[0]?.position}`);
      continue;
    }
    if (commits === 0 && write.changes)
      say(`it was acknowledged (${tell(write)}) at ${told.position} and is not in the log`);
    const last = events.at(-1)?.position;
    if (last !== undefined && last !== told.position)
      say(`it was acknowledged at ${told.position} and is in the log at ${last}`);
    if (told.entry !== undefined) {
      const then = stateAt(states.get(told.entry.id) ?? [], told.position);
      const { id: _, ...claimed } = told.entry;
      if (JSON.stringify(then) !== JSON.stringify(orderly(claimed)))
        say(
          `it was told ${JSON.stringify(orderly(claimed))} at ${told.position}; by the log it is ${JSON.stringify(then)}`,
        );
    }
  }
  return found;
}

const tell = ({ attempts }: RecordedWrite): string =>
  attempts.map(({ status, code }) => (code === undefined ? status || "no answer" : `${status} ${code}`)).join(", ");

type State = Omit<ToldEntry, "id">;
const orderly = ({ status, version, publishedVersion }: State): State => ({ status, version, publishedVersion });

/** What every entry was after each of its events; undefined: it was gone. */
function entryStates(
  log: readonly LoggedEvent[],
): ReadonlyMap<string, readonly { readonly position: number; readonly state: State | undefined }[]> {
  const all = new Map<string, { position: number; state: State | undefined }[]>();
  const lastVersion = new Map<string, number>();
  for (const { stream, type, data, position } of log) {
    if (!stream.startsWith("entry:")) continue;
    const id = stream.slice("entry:".length);
    const states = all.get(id) ?? [];
    all.set(id, states);
    const before = states.at(-1)?.state;
    const version = (data["version"] as number | undefined) ?? before?.version ?? (lastVersion.get(id) ?? 0) + 1;
    const state = ((): State | undefined => {
      const { publishedVersion = null } = before ?? {};
      switch (type) {
        case "EntryCreated":
          return { status: "draft", version, publishedVersion: null };
        case "EntryPublished":
          return { status: "published", version, publishedVersion: version };
        case "EntryUnpublished":
          return { status: "draft", version, publishedVersion: null };
        case "EntryArchived":
          return { status: "archived", version, publishedVersion: null };
        case "EntryUnarchived":
          return { status: "draft", version, publishedVersion: null };
        case "EntryDeleted":
          return undefined;
        default:
          return { status: publishedVersion === null ? "draft" : "changed", version, publishedVersion };
      }
    })();
    if (state !== undefined) lastVersion.set(id, version);
    states.push({ position, state });
  }
  return all;
}

function stateAt(
  states: readonly { readonly position: number; readonly state: State | undefined }[],
  at: number,
): State | undefined {
  return states.findLast(({ position }) => position <= at)?.state;
}

/** Invariant 2: positions of the space and versions of every stream are gapless, in order, and what is remembered of them agrees. */
export async function gapsOf(
  sql: Session,
  space: RecordedSpace,
  log: readonly LoggedEvent[],
): Promise<readonly Violation[]> {
  const found: Violation[] = [];
  const say = (what: string) => found.push({ invariant: 2, space: space.id, what });
  let last: LoggedEvent | undefined;
  const versions = new Map<string, number>();
  for (const event of log) {
    const { position, stream, version, at } = event;
    if (position !== (last?.position ?? 0) + 1) say(`position ${position} follows ${last?.position ?? 0}`);
    if (last !== undefined && at < last.at) say(`position ${position} is of ${at}, before the one before it`);
    const before = versions.get(stream) ?? 0;
    if (version !== before + 1) say(`version ${version} of ${stream} at ${position} follows ${before}`);
    versions.set(stream, version);
    last = event;
  }
  const [head] = await sql("select position from space_head where space = $1", [space.uid]);
  if (head?.["position"] !== (last?.position ?? undefined))
    say(`the head is ${head?.["position"]}, the log's last position ${last?.position}`);
  for (const row of await sql("select stream, version from streams where space = $1", [space.uid]))
    if (versions.get(row["stream"] as string) !== row["version"])
      say(
        `stream ${row["stream"]} is said to have ${row["version"]} events and has ${versions.get(row["stream"] as string) ?? 0}`,
      );
  return found;
}
