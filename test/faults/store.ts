// Where files are in a fault run: a bucket of the emulator in a process that nobody kills, because those of the Workers die with them; and what
// stands before it fails as often as it is told to, before or after it has done what it was asked.
import { type Emulated, startOne } from "../../bench/workers/emulator.ts";

/** Share of requests, 0 to 1. */
export interface StoreTrouble {
  readonly rate: number;
  /** It has done what it was asked, and does not say so. */
  readonly after: boolean;
}

export interface Store {
  readonly origin: string;
  trouble(trouble: StoreTrouble): Promise<void>;
  /** Of the files that are there. */
  keys(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export const WELL: StoreTrouble = { rate: 0, after: false };
const TROUBLE = "/fault-run/trouble";
const KEYS = "/fault-run/keys";

const CODE = `
let trouble = ${JSON.stringify(WELL)};

async function does(request, url, bucket) {
  const key = decodeURIComponent(url.pathname.slice(1));
  if (request.method === "PUT") await bucket.put(key, await request.arrayBuffer());
  else if (request.method === "DELETE") await bucket.delete(key);
  else {
    const [offset, length] = ["offset", "length"].map((name) => Number(url.searchParams.get(name)));
    const found = await bucket.get(key, { range: { offset, length } });
    return found === null ? new Response(null, { status: 404 }) : new Response(await found.arrayBuffer());
  }
  return new Response(null, { status: 204 });
}

export default {
  async fetch(request, { BLOBS }) {
    const url = new URL(request.url);
    if (url.pathname === "${KEYS}") return Response.json((await BLOBS.list()).objects.map(({ key }) => key));
    if (url.pathname === "${TROUBLE}") {
      trouble = await request.json();
      return new Response(null, { status: 204 });
    }
    const fails = Math.random() < trouble.rate;
    const { after } = trouble;
    const answer = fails && !after ? undefined : await does(request, url, BLOBS);
    return fails ? new Response("no", { status: 500 }) : answer;
  },
};
`;

/** For the product's Worker: its bucket is that one. Files of a run are smaller than a part. */
export const filesOf = (origin: string): string => `
import { env } from "cloudflare:workers";

async function ask(key, method, query, body) {
  const answer = await fetch("${origin}/" + encodeURIComponent(key) + query, { method, body });
  if (answer.status >= 500) throw new Error("The store answered " + answer.status);
  return answer;
}

env.BLOBS = {
  put: (key, bytes) => ask(key, "PUT", "", bytes),
  delete: (key) => ask(key, "DELETE", ""),
  async get(key, { range: { offset, length } }) {
    const answer = await ask(key, "GET", "?offset=" + offset + "&length=" + length);
    return answer.status === 404 ? null : answer;
  },
  createMultipartUpload: async () => {
    throw new Error("Files are smaller than that");
  },
};
`;

export async function openStore(): Promise<Store> {
  const worker: Emulated = { name: "store", code: CODE, buckets: ["BLOBS"] };
  const { port, stop } = await startOne(worker);
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    async trouble(trouble) {
      await fetch(`${origin}${TROUBLE}`, { method: "POST", body: JSON.stringify(trouble) });
    },
    keys: async () => (await (await fetch(`${origin}${KEYS}`)).json()) as readonly string[],
    stop,
  };
}
