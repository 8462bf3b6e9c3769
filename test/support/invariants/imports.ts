// Imports that were accepted, by their rows, the log and what clients were told: each has ended, its counts say what the log says of its lines, what
// it says is there is there and not twice, and webhooks were told of it once.
import type { Session } from "../postgres.ts";
import type { LoggedEvent } from "./log.ts";
import type { ImportCounts, RecordedImport, RecordedLine, RecordedSpace, Recording, Violation } from "./recording.ts";

interface Row {
  readonly id: string;
  readonly status: string;
  readonly closed: boolean;
  readonly code: string | null;
  readonly shown: ImportCounts & { readonly received: number };
  /** Line, and what was wrong with it. */
  readonly errors: ReadonlyMap<number, string>;
}

const ENDED: ReadonlySet<string> = new Set(["completed", "cancelled", "failed"]);
const COUNTS = ["processed", "created", "updated", "unchanged", "failed"] as const;

export async function importsOf(
  sql: Session,
  space: RecordedSpace,
  log: readonly LoggedEvent[],
  recording: Pick<Recording, "imports" | "webhooks" | "deliveries">,
): Promise<readonly Violation[]> {
  const found: Violation[] = [];
  const say = (what: string): void => void found.push({ invariant: "imports", space: space.id, what });
  const imports = recording.imports.filter((one) => one.space === space.id);
  const rows = await rowsOf(sql, space.uid);
  const written = Map.groupBy(
    log.filter(({ request, stream }) => request !== null && rows.has(request) && stream.startsWith("entry:")),
    ({ request }) => request as string,
  );
  const known = new Set<string>();
  for (const one of imports) {
    const [job, ...others] = [...one.jobs];
    if (others.length > 0) say(`one key made several imports: ${[job, ...others].join(", ")}`);
    for (const id of one.jobs) known.add(id);
    const row = job === undefined ? undefined : rows.get(job);
    if (job !== undefined && row === undefined) say(`import ${job} was accepted and is not there`);
    if (row === undefined) continue;
    for (const what of [...wrongViews(one, row), ...wrongLines(one, row, written.get(row.id) ?? [])])
      say(`import ${row.id}: ${what}`);
  }
  const unknown = [...rows.keys()].filter((id) => !known.has(id));
  const unanswered = imports.filter(({ jobs }) => jobs.size === 0).length;
  if (unknown.length > unanswered)
    say(`${unknown.length} imports are of ${unanswered} files whose senders got no answer`);
  for (const row of rows.values()) for (const what of wrongEnd(row)) say(`import ${row.id}: ${what}`);
  for (const what of await wrongEntries(sql, space.uid, imports, written)) say(what);
  for (const what of await wrongMessages(sql, space, rows, recording)) say(what);
  return found;
}

async function rowsOf(sql: Session, uid: number): Promise<ReadonlyMap<string, Row>> {
  const jobs = await sql(
    "select id, status, closed, error->>'code' as code, shown from jobs where space = $1 and kind = 'import' order by id",
    [uid],
  );
  const errors = await sql(
    `select c.job, (e.x->>'line')::int as line, e.x->>'code' as code from import_chunks c cross join lateral jsonb_array_elements(c.errors) as e(x)
      where c.space = $1`,
    [uid],
  );
  const byJob = Map.groupBy(errors, ({ job }) => job as string);
  return new Map(
    jobs.map((row) => {
      const of = byJob.get(row["id"] as string) ?? [];
      const wrong = new Map(of.map(({ line, code }) => [line as number, code as string]));
      return [row["id"] as string, { ...(row as unknown as Omit<Row, "errors">), errors: wrong }];
    }),
  );
}

/** Of every import, also of one that nobody was told of. */
function wrongEnd({ status, closed, code, shown, errors }: Row): readonly string[] {
  const found: string[] = [];
  if (!ENDED.has(status)) found.push(`it is still ${status}`);
  else if (!closed) found.push("it has ended, and nobody has tidied up after it");
  if (status === "failed") found.push(`it failed: ${code}`);
  if (shown.processed !== sumOf(shown)) found.push(`it counts ${tell(shown)}`);
  if (status === "completed" && shown.processed !== shown.received)
    found.push(`it is completed with ${shown.processed} of ${shown.received} lines`);
  if (shown.failed !== errors.size) found.push(`${shown.failed} lines failed, and ${errors.size} have errors`);
  return found;
}

function wrongViews({ views, isCancelled }: RecordedImport, row: Row): readonly string[] {
  const found: string[] = [];
  let last: RecordedImport["views"][number] | undefined;
  for (const view of views) {
    if (view.processed !== sumOf(view)) found.push(`it was told to count ${tell(view)}`);
    if (last !== undefined && view.processed < last.processed) found.push(`it went back to ${view.processed} lines`);
    if (last !== undefined && ENDED.has(last.status) && tell(view) !== tell(last))
      found.push(`it was told to be ${tell(last)} and then ${tell(view)}`);
    last = view;
  }
  if (last !== undefined && ENDED.has(last.status) && tell(last) !== tell({ ...row.shown, status: row.status }))
    found.push(`it was told to be ${tell(last)} and is ${tell({ ...row.shown, status: row.status })}`);
  if (row.status === "cancelled" && !isCancelled) found.push("it is cancelled, and nobody asked for that");
  return found;
}

/** What became of each line, by the log and the errors: exactly what was counted. */
function wrongLines({ lines }: RecordedImport, row: Row, events: readonly LoggedEvent[]): readonly string[] {
  const found: string[] = [];
  const byId = Map.groupBy(events, ({ stream }) => stream.slice("entry:".length));
  const ids = new Set(lines.map(({ id }) => id));
  for (const [id, several] of byId) {
    const types = several.map(({ type }) => type);
    if (!ids.has(id)) found.push(`it wrote ${id}, of which its file says nothing`);
    if (new Set(types).size !== types.length || (types.includes("EntryCreated") && types.includes("EntryUpdated")))
      found.push(`it wrote ${id} more than once: ${types.join(", ")}`);
  }
  const counts = { created: 0, updated: 0, unchanged: 0 };
  let lenient = 0;
  for (const line of lines) {
    const code = row.errors.get(line.number);
    if (row.status === "completed" && line.wrong !== undefined && code !== line.wrong)
      found.push(`line ${line.number} is wrong by ${line.wrong}, and is said to be ${code ?? "well"}`);
    if (line.wrong === undefined && line.isOwn && code !== undefined)
      found.push(`line ${line.number}, with which nothing was wrong, failed with ${code}`);
    if (code !== undefined) continue;
    const types = byId.get(line.id ?? "")?.map(({ type }) => type) ?? [];
    if (types.includes("EntryCreated")) counts.created += 1;
    else if (types.length > 0) counts.updated += 1;
    else {
      counts.unchanged += 1;
      // Somebody else published what it had drafted: it was counted as updated, and has nothing in the log.
      if (!line.isOwn && line.publish) lenient += 1;
    }
    if (
      row.status === "completed" &&
      line.isOwn &&
      types.includes("EntryCreated") &&
      line.publish &&
      !types.includes("EntryPublished")
    )
      found.push(`line ${line.number} was to be published and was not`);
  }
  if (row.status !== "completed") return found;
  if (row.shown.received !== lines.length)
    found.push(`its file has ${lines.length} lines, and ${row.shown.received} came in`);
  const { created, updated } = row.shown;
  if (created !== counts.created || updated < counts.updated || updated > counts.updated + lenient)
    found.push(`it counts ${tell(row.shown)}; by the log ${counts.created} were created and ${counts.updated} updated`);
  return found;
}

/** What nobody but imports writes is as the last of them left it, as soon as one is completed. */
async function wrongEntries(
  sql: Session,
  uid: number,
  imports: readonly RecordedImport[],
  written: ReadonlyMap<string, readonly LoggedEvent[]>,
): Promise<readonly string[]> {
  const lineOf = new Map<string, RecordedLine>();
  const wanted = new Set<string>();
  for (const { jobs, lines, views } of imports)
    for (const line of lines.filter(({ isOwn, id }) => isOwn && id !== undefined)) {
      for (const job of jobs) lineOf.set(`${job} ${line.id}`, line);
      if (line.wrong === undefined && views.at(-1)?.status === "completed") wanted.add(line.id as string);
    }
  const last = new Map<string, { readonly position: number; readonly line: RecordedLine }>();
  for (const [job, events] of written)
    for (const { stream, position } of events) {
      const id = stream.slice("entry:".length);
      const line = lineOf.get(`${job} ${id}`);
      if (line !== undefined && position > (last.get(id)?.position ?? 0)) last.set(id, { position, line });
    }
  const ids = [...new Set([...wanted, ...last.keys()])];
  const rows = await sql(
    "select id, status, fields->>'token' as token from entries where space = $1 and id = any ($2::text[])",
    [uid, ids],
  );
  const entries = new Map(rows.map((row) => [row["id"] as string, row]));
  return ids.flatMap((id) => {
    const entry = entries.get(id);
    if (entry === undefined) return [`${id} was imported and is not there`];
    const line = last.get(id)?.line;
    if (line === undefined) return [`${id} is said to be imported, and no import wrote it`];
    return entry["token"] === line.token
      ? []
      : [`${id} holds ${entry["token"]}; the last import of it wrote ${line.token}`];
  });
}

/** `import.completed`: once for each import that is completed, to everybody who asked for it, with the counts that it has. */
async function wrongMessages(
  sql: Session,
  space: RecordedSpace,
  rows: ReadonlyMap<string, Row>,
  { webhooks, deliveries }: Pick<Recording, "webhooks" | "deliveries">,
): Promise<readonly string[]> {
  const found: string[] = [];
  const made = await sql(
    "select webhook, lane, state, count(*)::int as n from deliveries where space = $1 and event = 'import.completed' group by 1, 2, 3",
    [space.uid],
  );
  const asked = webhooks.filter(
    (one) => one.space === space.id && one.isFaithful && one.events.includes("import.completed"),
  );
  for (const { id: webhook } of asked) {
    const got = deliveries.filter((one) => one.space === space.id && one.webhook === webhook);
    for (const { id, status, shown } of rows.values()) {
      const lane = `import:${id}`;
      const own = made.filter((row) => row["webhook"] === webhook && row["lane"] === lane);
      const n = own.reduce((sum, row) => sum + (row["n"] as number), 0);
      const told = got.filter((one) => one.lane === lane);
      const say = (what: string): void => void found.push(`webhook ${webhook}, import.completed of ${id}: ${what}`);
      if (n !== (status === "completed" ? 1 : 0)) say(`it is ${status} and has ${n} deliveries`);
      if (status !== "completed") continue;
      if (own.some((row) => row["state"] !== "delivered")) say(`it is ${own[0]?.["state"]}`);
      else if (n > 0 && told.length === 0) say("it is said to be delivered, and its receiver never got it");
      if (new Set(told.map(({ message }) => message)).size > 1) say("it came under several ids");
      for (const { counts } of told)
        if (counts === undefined || tell(counts) !== tell(shown))
          say(`it told ${counts && tell(counts)}, and it is ${tell(shown)}`);
    }
  }
  return found;
}

const sumOf = ({ created, updated, unchanged, failed }: ImportCounts): number => created + updated + unchanged + failed;

function tell(counts: ImportCounts & { readonly status?: string }): string {
  const told = COUNTS.map((name) => `${counts[name]} ${name}`).join(", ");
  return counts.status === undefined ? told : `${counts.status}: ${told}`;
}
