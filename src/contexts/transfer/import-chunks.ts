// The two passes over a chunk: its lines' drafts, and the publication of those that had to wait for others.
import type { Row } from "../../platform/database/database.ts";
import { CHUNK_BYTES, type Line, linesOf } from "./cut-chunks.ts";
import { draftLines, NO_COUNTS } from "./draft-lines.ts";
import { isOwnDraft, loadEntries } from "./import-state.ts";
import { getThrough, type ImportTurn, isLate, relearn, rest, rulesOf, type Went } from "./import-turn.ts";
import type { BlobStore, ReadLine } from "./ports.ts";
import { prepareLines } from "./prepare-lines.ts";
import { pendingLines, publishLines } from "./publish-lines.ts";

/** `later`: the turn is over. `lost`: the file is not there. */
export type ChunkWent = "through" | "later" | "lost" | Exclude<Went, "on" | "again">;

/** Pass 1. `row`: of import_chunks. */
export async function draftChunk(
  own: ImportTurn,
  row: Row,
  { blobs, readLine }: { readonly blobs: BlobStore; readonly readLine: ReadLine },
): Promise<ChunkWent> {
  const [chunk, bytes, firstLine, done] = ["n", "bytes", "first_line", "done"].map((name) => Number(row[name])) as [
    number,
    number,
    number,
    number,
  ];
  if (bytes > CHUNK_BYTES) return await tooLong(own, chunk, firstLine, done);
  const key = String(own.turn.job.plan["key"]);
  const file = await blobs.read(key, { starts: Number(row["starts"]), bytes });
  if (file === undefined) return "lost";
  const lines = linesOf(file, firstLine);
  for (let seen = done; ; ) {
    if (isLate(own)) return "later";
    const { went, taken } = await draftSome(own, lines.slice(seen), { chunk, seen, of: lines.length, readLine });
    if (went === "on") seen += taken;
    else if (went !== "again") return went;
    if (seen >= lines.length) return "through";
  }
}

interface Some {
  readonly chunk: number;
  readonly seen: number;
  readonly of: number;
  readonly readLine: ReadLine;
}

async function draftSome(
  own: ImportTurn,
  lines: readonly Line[],
  { chunk, seen, of, readLine }: Some,
): Promise<{ readonly went: Went; readonly taken: number }> {
  // Checks of schemas may end without the space moving: what they ask of a line is learnt anew for each commit.
  const isChecked = [...own.space.types.values()].some(({ pending }) => pending !== undefined);
  if (isChecked && (await relearn(own)) === "gone") return { went: "gone", taken: 0 };
  const most = own.most ?? own.pace.most();
  own.most = undefined;
  const prepared = await prepareLines(lines, most, rulesOf(own), { readLine, rest: () => rest(own) });
  const { good, taken } = prepared;
  const to = seen + taken;
  const ids = good.map(({ line }) => line.id);
  // What is referred to matters only where something is to be published.
  const targets = new Set(
    good.flatMap(({ line, references }) => (line.publish ? references.map(({ target }) => target) : [])),
  );
  const went = await getThrough(own, {
    place: { pass: 1, chunk, seen, to, next: { pass: 1, chunk: to >= of ? chunk + 1 : chunk } },
    references: "defer",
    lineOf: (index) => {
      const line = good[index];
      return line === undefined ? undefined : { number: line.number, id: line.line.id };
    },
    async make(found) {
      const loaded = await loadEntries(own.reader, ids, [...targets]);
      if (loaded === undefined) return undefined;
      return { ...draftLines(own.turn.job, prepared, loaded, found), head: loaded.position };
    },
  });
  return { went, taken };
}

/** A line that no chunk has room for is not looked at. */
async function tooLong(own: ImportTurn, chunk: number, line: number, done: number): Promise<ChunkWent> {
  const detail = `A line may take ${CHUNK_BYTES} bytes`;
  const went = await getThrough(own, {
    place: { pass: 1, chunk, seen: done, to: 1, next: { pass: 1, chunk: chunk + 1 } },
    references: "fail",
    lineOf: () => undefined,
    async make() {
      const errors = [{ line, pointer: "", code: "line-too-long", detail }];
      const loaded = await loadEntries(own.reader, [], []);
      const head = loaded?.position;
      return head === undefined ? undefined : { change: undefined, errors, counts: { ...NO_COUNTS, failed: 1 }, head };
    },
  });
  return went === "on" ? "through" : went === "again" ? "later" : went;
}

/** Pass 2. */
export async function publishChunk(own: ImportTurn, row: Row): Promise<ChunkWent> {
  const chunk = Number(row["n"]);
  const all = row["pending"] as readonly (readonly unknown[])[];
  const { job } = own.turn;
  for (let seen = Number(row["published"]); seen < all.length; ) {
    if (isLate(own)) return "later";
    const lines = pendingLines(all.slice(seen), own.pace.most());
    const to = seen + lines.length;
    const went = await getThrough(own, {
      place: { pass: 2, chunk, seen, to, next: { pass: 2, chunk: to >= all.length ? chunk + 1 : chunk } },
      references: "fail",
      lineOf: (index) => {
        const line = lines[index];
        return line === undefined ? undefined : { number: line.line, id: line.id };
      },
      async make(found) {
        const ids = lines.map(({ id }) => id);
        const loaded = await loadEntries(own.reader, ids, []);
        if (loaded === undefined) return undefined;
        const isOwn = (id: string) => isOwnDraft(own.reader, id, job.id);
        const made = await publishLines(job, lines, loaded, rulesOf(own), found, { isOwn, rest: () => rest(own) });
        return { ...made, head: loaded.position };
      },
    });
    if (went === "on") seen = to;
    else if (went !== "again") return went;
  }
  return "through";
}
