// Whoever sends files in the fault run: new entries and old ones, references to later lines, lines that are wrong, the same file by several at
// once; and asks how far it is, and now and then wants it to end.
import type { Random } from "../../bench/numbers/chance.ts";
import type { RecordedImport, RecordedLine, Recorder } from "../support/invariants/recording.ts";
import { type Caller, wait } from "./caller.ts";
import { ENTRIES, type Ground, TYPES } from "./editors.ts";

export interface Importing {
  readonly caller: Caller;
  readonly recorder: Recorder;
  readonly grounds: readonly Ground[];
  readonly random: Random;
  readonly isOver: () => boolean;
  /** Names its entries. */
  readonly name: string;
  /** Milliseconds between two files, at most. */
  readonly pause: number;
  /** What nobody has answered to. */
  readonly unsent: Unsent[];
}

export interface Unsent extends File {
  readonly one: RecordedImport;
  readonly ground: Ground;
}

/** How long one file is asked for: the others do not wait for it. */
const WATCHED_MS = 4_000;
/** Of the entries that it has imported before, as many are written again. */
const AGAIN = 0.2;

export async function importOn(importing: Importing): Promise<void> {
  const { grounds, random, isOver, pause } = importing;
  /** By space: what it has made so far. */
  const made = new Map<Ground, string[]>();
  while (!isOver()) {
    const ground = grounds[Math.floor(random() * grounds.length)] as Ground;
    const ids = made.get(ground) ?? [];
    made.set(ground, ids);
    await importOne(importing, ground, ids);
    await wait(random() * pause);
  }
}

async function importOne(importing: Importing, ground: Ground, ids: string[]): Promise<void> {
  const { random } = importing;
  const isNew = random() < 0.3;
  const { text, lines } = fileOf(importing, ground, isNew ? [] : ids);
  const mode = isNew && lines.every(({ isOwn }) => isOwn) ? "create" : "upsert";
  const drawn = random();
  const first = begin(importing, ground, lines);
  // The same request by two at once; the same file as two requests.
  const second = drawn < 0.2 ? first : drawn < 0.4 && mode === "upsert" ? begin(importing, ground, lines) : undefined;
  const sending = [first, ...(second === undefined ? [] : [second])];
  await Promise.all(sending.map((one) => send(importing, ground, one, { text, mode })));
  // What nobody has answered to is sent again when all is over. If others had its entries by then, it could not create them.
  const isTaken = sending.some(({ jobs }) => jobs.size > 0);
  for (const { id, isOwn } of lines) if (isTaken && isOwn && id !== undefined && !ids.includes(id)) ids.push(id);
  if (random() < 0.1) await cancel(importing, ground, first);
  await watch(importing, ground, first);
}

function begin({ recorder }: Importing, { space }: Ground, lines: readonly RecordedLine[]): RecordedImport {
  const one: RecordedImport = {
    space: space.id,
    key: crypto.randomUUID(),
    lines,
    jobs: new Set(),
    views: [],
    isCancelled: false,
  };
  recorder.imports.push(one);
  return one;
}

interface File {
  readonly text: string;
  readonly mode: "create" | "upsert";
}

async function send(
  { caller, unsent }: Pick<Importing, "caller" | "unsent">,
  ground: Ground,
  one: RecordedImport,
  { text, mode }: File,
): Promise<void> {
  const { space, key } = ground;
  const path = `imports?mode=${mode}`;
  // A job: it takes no position.
  const { status, body } = await caller.write(space, {
    ...{ method: "POST", path, lines: text, key },
    ...{ changes: false, keyed: true, as: one.key },
  });
  if (status === 202) one.jobs.add(body.id);
  else unsent.push({ one, ground, text, mode });
}

/** Under the same key, as a good client does, until somebody says what became of it. */
export async function sendAgain(caller: Caller, unsent: readonly Unsent[]): Promise<void> {
  for (const { one, ground, ...file } of unsent) await send({ caller, unsent: [] }, ground, one, file);
}

async function cancel({ caller, random }: Importing, { space, key }: Ground, one: RecordedImport): Promise<void> {
  const [job] = one.jobs;
  if (job === undefined) return;
  await wait(random() * 500);
  // Whether it was done is not known when nobody answers.
  one.isCancelled = true;
  await caller.write(space, { method: "POST", path: `imports/${job}/cancel`, key, changes: false, keyed: true });
}

async function watch({ caller, isOver }: Importing, { space, key }: Ground, one: RecordedImport): Promise<void> {
  const [job] = one.jobs;
  if (job === undefined) return;
  for (const until = Date.now() + WATCHED_MS; Date.now() < until && !isOver(); ) {
    const { status, body } = await caller.ask(space, { method: "GET", path: `imports/${job}`, key });
    if (status === 200) one.views.push(body);
    if (status === 200 && body.status !== "queued" && body.status !== "running") break;
    await wait(300);
  }
  await caller.ask(space, { method: "GET", path: `imports/${job}/errors`, key });
}

/** When all is quiet: what clients are told of every import. */
export async function readImports(caller: Caller, { space, key }: Ground, recorder: Recorder): Promise<void> {
  for (const { space: of, jobs, views } of recorder.imports)
    for (const job of of === space.id ? jobs : []) {
      const { status, body } = await caller.ask(space, { method: "GET", path: `imports/${job}`, key });
      if (status === 200) views.push(body);
    }
}

interface Line {
  readonly text: string;
  readonly told: Omit<RecordedLine, "number">;
}

function fileOf(
  { random, name }: Importing,
  { space }: Ground,
  old: readonly string[],
): { readonly text: string; readonly lines: readonly RecordedLine[] } {
  const one = <T>(many: readonly T[]): T => many[Math.floor(random() * many.length)] as T;
  const fresh = (): string => `${name}-${crypto.randomUUID().slice(0, 13)}`;
  const lineOf = (id: string, more: Partial<RecordedLine>, peer?: string, type = "note"): Line => {
    const token = crypto.randomUUID().slice(0, 13);
    const fields = { title: `title ${Math.floor(random() * 100)}`, token, canary: space.canary, ...(peer && { peer }) };
    const told = { id, token, publish: random() < 0.7, isOwn: true, ...more };
    return { text: JSON.stringify({ type, id, fields, publish: told.publish }), told };
  };
  const ids = Array.from({ length: 2 + Math.floor(random() * (random() < 0.05 ? 110 : 20)) }, fresh);
  for (const id of old) if (random() < AGAIN && ids.length < 30) ids.push(id);
  // Each may refer to any other: many of them to one that comes later, and some in circles.
  const lines = ids.map((id) => lineOf(id, {}, random() < 0.4 ? one(ids) : undefined));
  const add = (line: Line): void => void lines.splice(Math.floor(random() * (lines.length + 1)), 0, line);
  if (random() < 0.3) {
    const wrong = lineOf(fresh(), { wrong: "malformed-json" });
    add({ text: wrong.text.slice(0, -1), told: { ...wrong.told, id: undefined } });
  }
  if (random() < 0.3) add(lineOf(fresh(), { wrong: "type-unknown" }, undefined, "nothing"));
  if (random() < 0.3) add(lineOf(fresh(), { wrong: "reference-missing", publish: true }, fresh()));
  if (random() < 0.3) {
    const wrong = lineOf(fresh(), { wrong: "required" });
    add({ ...wrong, text: wrong.text.replace('"title":', '"name":') });
  }
  // What editors write at the same time: whatever becomes of it, it is said.
  if (random() < 0.4)
    for (const n of new Set(Array.from({ length: 4 }, () => Math.floor(random() * ENTRIES)))) {
      const type = one(TYPES);
      add(lineOf(`${type}-${n}`, { isOwn: false }, undefined, type));
    }
  return {
    text: lines.map(({ text }) => `${text}\n`).join(""),
    lines: lines.map(({ told }, at) => ({ ...told, number: at + 1 })),
  };
}
