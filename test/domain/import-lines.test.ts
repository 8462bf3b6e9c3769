// What is said of an import's lines, whatever they hold; and how its files are let in.
import { describe, expect, it, vi } from "vitest";
import { errorsOf } from "../../src/contexts/transfer/prepare-lines.ts";
import { openReceiving } from "../../src/contexts/transfer/receive-import.ts";
import { receiveUpload } from "../../src/http/middleware/receive-upload.ts";
import { readImportLine } from "../../src/http/transfer/import-line.ts";
import { instant } from "../../src/kernel/clock.ts";
import { quote } from "../../src/kernel/fault.ts";

const EMOJI = "\u{1f600}";

describe("what is said of a line", () => {
  const isKept = (text: string): boolean => text.isWellFormed() && !text.includes("\u0000");

  it("can be kept, wherever the line has odd characters and wherever they are cut", () => {
    const odd = (text: string): readonly object[] => [
      { type: "city", id: "a", fields: {}, [text]: 1 },
      { type: "city", id: "a", fields: { [text]: "\u0000" } },
      { type: "city", id: "a", slug: text, fields: {} },
      { type: text, id: text, fields: {} },
    ];
    const texts = [
      "a\u0000b",
      "\ud800",
      ...Array.from({ length: 12 }, (_, n) => "x".repeat(68 + n) + EMOJI.repeat(400)),
    ];
    for (const line of texts.flatMap(odd)) {
      const read = readImportLine(Buffer.from(JSON.stringify(line)));
      if (read.ok) throw new Error("it was to be refused");
      for (const { pointer, detail } of errorsOf(1, read.fault))
        expect([pointer, detail].every(isKept), detail).toBe(true);
    }
  });

  it("quotes no half of a surrogate pair", () => {
    for (let before = 70; before < 80; before += 1)
      expect(quote("x".repeat(before) + EMOJI.repeat(10)).isWellFormed()).toBe(true);
  });
});

/** A request whose body comes part by part; `each` is called before each of them. */
function sending(parts: readonly number[], each: () => void): Request {
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      each();
      const bytes = parts[at];
      at += 1;
      if (bytes === undefined) controller.close();
      else controller.enqueue(new Uint8Array(bytes));
    },
  });
  return { body } as Request;
}

describe("files on their way in", () => {
  const spaceOf = (uid: number) => ({ uid, epoch: 1, residency: "us", id: `s${uid}` }) as never;
  function receiving() {
    const state = { now: 0, parts: [] as number[], removed: [] as string[], storing: Promise.resolve() };
    const read = async () => ({ ok: true, value: { rows: [[{ everywhere: 0, here: 0 }]] } });
    const uploads = openReceiving({
      blobs: {
        begin: async () => ({
          part: async (_: number, { length }: Uint8Array) => {
            state.parts.push(length);
            await state.storing;
          },
          complete: async () => undefined,
          abort: async () => void state.removed.push("parts"),
        }),
        put: async () => undefined,
        remove: async (key: string) => void state.removed.push(key),
      } as never,
      clock: { now: () => instant(state.now) },
      secrets: { random: (n) => crypto.getRandomValues(new Uint8Array(n)) },
      hash: () => ({ add: async () => undefined, end: async () => "" }),
      readerOf: (space) => ({ space, read }) as never,
    });
    return { state, begin: (uid: number) => uploads.begin(spaceOf(uid)) };
  }

  it("are two a space at most, also when they come at once, and four in all", async () => {
    const { begin } = receiving();
    const begun = await Promise.all([1, 1, 1, 2, 2, 3].map(begin));
    expect(begun.map(({ ok }) => ok)).toEqual([true, true, false, true, true, false]);
    const [first] = begun;
    if (first?.ok) await first.value.discard();
    expect((await begin(3)).ok).toBe(true);
  });

  /** `takes`: milliseconds of each part. */
  async function upload(parts: readonly number[], takes = 0) {
    const { state, begin } = receiving();
    const intake = await begin(1);
    if (!intake.ok) throw new Error(intake.fault.code);
    const clock = { now: () => instant(state.now) };
    const took = await receiveUpload(
      sending(parts, () => {
        state.now += takes;
      }),
      intake.value,
      clock,
    );
    return { ...state, code: took.ok ? took.value.bytes : took.fault.code };
  }

  it("have 95 MB and no byte more, whatever they said before; nothing is left of those that are larger", async () => {
    const most = Array.from({ length: 95 }, () => 1_000_000);
    const whole = await upload(most);
    expect([whole.code, whole.removed]).toEqual([95_000_000, []]);
    // No more of it is held than one part.
    expect(whole.parts.map((bytes) => bytes / 2 ** 20)).toEqual([...Array(11).fill(8), expect.any(Number)]);
    const more = await upload([...most, 1]);
    expect([more.code, more.removed]).toEqual(["body-too-large", ["parts", expect.stringMatching(/^imports\//)]]);
  });

  it("have a million lines and no line more", async () => {
    const { begin } = receiving();
    const intake = await begin(1);
    if (!intake.ok) throw new Error(intake.fault.code);
    expect((await intake.value.add(Buffer.from("1\n".repeat(1_000_000)))).ok).toBe(true);
    expect(await intake.value.add(Buffer.from("1\n"))).toMatchObject({ fault: { code: "body-too-large" } });
  });

  it("come at sixteen kibibytes a second at least, after half a minute", async () => {
    const dripping = Array.from({ length: 60 }, () => 1_000);
    const slow = await upload(dripping, 1_000);
    expect([slow.code, slow.removed.length]).toEqual(["request-timeout", 1]);
    const quick = await upload(
      dripping.map((bytes) => bytes * 17),
      1_000,
    );
    expect(quick.code).toBe(60 * 17_000);
  });

  it("make room when nothing came of them for longer than a client is waited for, and keep theirs as long as something comes", async () => {
    const { state, begin } = receiving();
    const [broken, going] = await Promise.all([begin(1), begin(1)]);
    for (let at = 21_000; at <= 210_000; at += 21_000) {
      state.now = at;
      if (going?.ok) expect((await going.value.add(new Uint8Array(1))).ok).toBe(true);
    }
    expect((await begin(1)).ok).toBe(true);
    expect((await begin(1)).ok).toBe(false);
    expect(broken?.ok && (await broken.value.add(new Uint8Array(1)))).toMatchObject({ ok: false });
  });

  it("keep theirs for longer while a part is being stored, and no longer than that", async () => {
    const { state, begin } = receiving();
    const [storing] = await Promise.all([begin(1), begin(1)]);
    state.storing = new Promise(() => undefined);
    if (storing?.ok) void storing.value.add(new Uint8Array(8 * 1024 * 1024));
    await vi.waitFor(() => expect(state.parts.length).toBe(1));
    const areLetIn = async (at: number): Promise<readonly boolean[]> => {
      state.now = at;
      return (await Promise.all([begin(1), begin(1)])).map(({ ok }) => ok);
    };
    expect(await areLetIn(21_000)).toEqual([false, false]);
    // In the silent one's stead, and silent as well.
    expect(await areLetIn(23_000)).toEqual([true, false]);
    expect(await areLetIn(46_000)).toEqual([true, false]);
    expect(await areLetIn(91_000)).toEqual([true, true]);
  });
});
