// Editors of the fault run: everything that writes, at random, several at the same few entries.
import type { Random } from "../../bench/numbers/chance.ts";
import type { RecordedSpace, Recorder } from "../support/invariants/recording.ts";
import { type Caller, type Heard, wait } from "./caller.ts";

export interface Ground {
  readonly space: RecordedSpace;
  readonly key: string;
  /** Where webhooks that come and go may post to. */
  readonly passing: string;
  /** Webhooks that stay, and whose receivers are well in the end. */
  readonly faithful: readonly string[];
  /** Highest position that a write was acknowledged at. */
  reached: number;
  /** Keys that were revoked, and when that was acknowledged. */
  readonly revoked: string[];
}

export interface Editing {
  readonly caller: Caller;
  readonly recorder: Recorder;
  readonly grounds: readonly Ground[];
  readonly rootKey: string;
  readonly random: Random;
  readonly isOver: () => boolean;
  /** Milliseconds between two writes of one editor, at most. */
  readonly pause: number;
}

export const TYPES = ["note", "tag"] as const;
export const ENTRIES = 10;

export function typeBody(name: string, canary: string): object {
  const text = { type: "string" };
  return {
    name: `${name} ${canary}`,
    schema: {
      type: "object",
      required: ["title"],
      properties: {
        title: { ...text, "x-indexed": true },
        token: { ...text, "x-indexed": true },
        canary: text,
        peer: { ...text, "x-reference": "note" },
      },
    },
  };
}

type Operation = (editing: Editing, ground: Ground) => Promise<void>;

export async function edit(editing: Editing): Promise<void> {
  const { random, grounds, isOver, pause } = editing;
  const total = OPERATIONS.reduce((sum, [weight]) => sum + weight, 0);
  while (!isOver()) {
    const ground = grounds[Math.floor(random() * grounds.length)] as Ground;
    await operationAt(random() * total)(editing, ground);
    await wait(random() * pause);
  }
}

function operationAt(drawn: number): Operation {
  let left = drawn;
  for (const [weight, operation] of OPERATIONS) {
    left -= weight;
    if (left < 0) return operation;
  }
  return OPERATIONS[0][1];
}

const unique = (): string => crypto.randomUUID().slice(0, 13);
const idOf = ({ random }: Editing, type: string): string => `${type}-${Math.floor(random() * ENTRIES)}`;
const typeOf = ({ random }: Editing): string => TYPES[Math.floor(random() * TYPES.length)] as string;

function fieldsOf(editing: Editing, { space }: Ground): object {
  const { random } = editing;
  return {
    title: `title ${Math.floor(random() * 100)}`,
    token: unique(),
    canary: space.canary,
    ...(random() < 0.3 ? { peer: `note-${Math.floor(random() * ENTRIES)}` } : {}),
  };
}

async function send(
  { caller, random }: Editing,
  ground: Ground,
  method: string,
  path: string,
  {
    body,
    changes = true,
    key,
    headers,
    keyed = random() < 0.8,
  }: {
    body?: unknown;
    changes?: boolean;
    key?: string;
    headers?: Readonly<Record<string, string>>;
    keyed?: boolean;
  } = {},
): Promise<Heard> {
  const heard = await caller.write(ground.space, {
    method,
    path,
    key: key ?? ground.key,
    changes,
    keyed,
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  });
  if (heard.status < 300 && heard.status > 0) ground.reached = Math.max(ground.reached, heard.position);
  return heard;
}

const act =
  (action: string): Operation =>
  async (editing, ground) => {
    await send(editing, ground, "POST", `entries/${idOf(editing, typeOf(editing))}/${action}`, { changes: false });
  };

const OPERATIONS: readonly [readonly [number, Operation], ...(readonly [number, Operation])[]] = [
  [
    14,
    async (editing, ground) => {
      const type = typeOf(editing);
      const publish = editing.random() < 0.7 ? { publish: true } : {};
      const body = { type, id: idOf(editing, type), fields: fieldsOf(editing, ground), ...publish };
      await send(editing, ground, "POST", "entries", { body });
    },
  ],
  [
    4,
    async (editing, ground) => {
      // Without an id only the key tells a retry from another entry.
      const body = { type: "tag", fields: fieldsOf(editing, ground) };
      const heard = await send(editing, ground, "POST", "entries", { body });
      if (heard.status === 201) await send(editing, ground, "DELETE", `entries/${heard.body.id}?force=true`);
    },
  ],
  [
    12,
    async (editing, ground) => {
      const type = typeOf(editing);
      const body = { type, fields: fieldsOf(editing, ground) };
      await send(editing, ground, "PUT", `entries/${idOf(editing, type)}`, { body });
    },
  ],
  [
    16,
    async (editing, ground) => {
      const body = { fields: { token: unique() } };
      await send(editing, ground, "PATCH", `entries/${idOf(editing, typeOf(editing))}`, { body });
    },
  ],
  [
    5,
    async (editing, ground) => {
      const id = idOf(editing, typeOf(editing));
      const now = await editing.caller.ask(ground.space, { method: "GET", path: `entries/${id}`, key: ground.key });
      const tag = now.headers.get("etag");
      if (now.status !== 200 || tag === null) return;
      const body = { fields: { token: unique() } };
      await send(editing, ground, "PATCH", `entries/${id}`, { body, headers: { "If-Match": tag } });
    },
  ],
  [24, act("publish")],
  [5, act("unpublish")],
  [3, act("archive")],
  [4, act("unarchive")],
  [
    5,
    async (editing, ground) => {
      const force = editing.random() < 0.7 ? "?force=true" : "";
      await send(editing, ground, "DELETE", `entries/${idOf(editing, typeOf(editing))}${force}`);
    },
  ],
  [
    2,
    async (editing, ground) => {
      const type = typeOf(editing);
      const body = typeBody(`${type} ${unique()}`, ground.space.canary);
      await send(editing, ground, "PUT", `types/${type}?validate=lenient`, { body });
    },
  ],
  [
    1,
    async (editing, ground) => {
      const { id } = ground.space;
      await send(editing, ground, "PATCH", `/v1/spaces/${id}`, { body: { name: unique() }, key: editing.rootKey });
    },
  ],
  [
    2,
    async (editing, ground) => {
      const body = { name: "passing", scopes: ["content:read"] };
      const heard = await send(editing, ground, "POST", "keys", { body });
      if (heard.status !== 201) return;
      const { id, key } = heard.body as { readonly id: string; readonly key: string };
      await editing.caller.ask(ground.space, { method: "GET", path: "content/note?limit=2", key });
      const gone = await send(editing, ground, "DELETE", `keys/${id}`);
      if (gone.status === 204) ground.revoked.push(key);
    },
  ],
  [
    2,
    async (editing, ground) => {
      const events = ["entry.published", "entry.deleted"];
      const url = `${ground.passing}/${unique()}`;
      const heard = await send(editing, ground, "POST", "webhooks", { body: { url, events } });
      if (heard.status !== 201) return;
      const id = heard.body.id as string;
      const since = heard.position;
      editing.recorder.webhooks.push({ space: ground.space.id, id, events, since, isFaithful: false });
      await wait(editing.random() * 4_000);
      await send(editing, ground, "PATCH", `webhooks/${id}`, { body: { description: unique() } });
      await wait(editing.random() * 4_000);
      await send(editing, ground, "DELETE", `webhooks/${id}`);
    },
  ],
  [
    1,
    async (editing, ground) => {
      const id = ground.faithful[Math.floor(editing.random() * ground.faithful.length)] as string;
      const body = { fromPosition: Math.max(1, ground.reached - Math.floor(editing.random() * 40)) };
      // A job: it takes no position.
      await send(editing, ground, "POST", `webhooks/${id}/replay`, { body, changes: false });
    },
  ],
];
