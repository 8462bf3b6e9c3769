// The least that an answer costs on this runtime: the same bytes from a constant, and one SELECT by hand. No system on it is faster here.
import type { Stack } from "../../local/stack.ts";
import { type Answers, startConstant } from "../hits/floors.ts";
import type { Place } from "../load/interleave.ts";
import { bareBindings } from "../uncached/uncached.ts";
import { bundleBare } from "../workers/bundle.ts";
import { startOne } from "../workers/emulator.ts";
import { slugOf, TYPE } from "../workers/seed.ts";

export async function startFloors(stack: Stack, uid: number, answers: Answers, connections: number) {
  const constant = await startConstant(answers);
  const bare = await startOne({
    name: "bare",
    code: await bundleBare("worker"),
    shield: { className: "Floor" },
    bindings: await bareBindings(stack, uid),
  });
  return {
    /** `numbers`: the articles of a round. */
    places: (numbers: (round: number) => readonly number[], seconds: number): readonly Place[] => [
      { name: "bare list", load: () => ({ port: constant.port, paths: ["/list"], connections, seconds }) },
      { name: "bare one", load: () => ({ port: constant.port, paths: ["/entry"], connections, seconds }) },
      {
        name: "bare miss",
        load: (round) => ({
          port: bare.port,
          paths: numbers(round).map((n) => `/bare/${TYPE}/${slugOf(n)}`),
          connections,
        }),
      },
    ],
    async stop() {
      await bare.stop();
      await constant.stop();
    },
  };
}

export async function answersOf(port: number, list: string, entry: string): Promise<Answers> {
  const text = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  return { list: await text(list), entry: await text(entry), etag: "" };
}
