// GET /v1/spaces/{space}/changes, as pages or as server-sent events
import * as z from "zod";
import { type Changes, listChanges as list } from "../../contexts/delivery/delivery.ts";
import { type Millis, millis } from "../../kernel/clock.ts";
import { ok, type Result } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import { readPosition } from "../conditions.ts";
import type { Live } from "../live.ts";
import { type ReadData, read, type StreamAnswer } from "../operation.ts";
import { pause } from "../pause.ts";
import { type ChangesQuery, changesQuery, changesSchema, eventsSchema } from "./changes-schema.ts";
import { follow, STREAM_PAGE } from "./following.ts";
import { prefersEvents } from "./prefers-events.ts";

/** Four to five minutes, so that streams that began together do not come back together. */
const LIFETIME = { least: 240_000, more: 60_000 };
/** Another form of the same address. */
const VARY = { Vary: "Accept" };

export const listChanges = read({
  id: "listChanges",
  tag: "Following",
  summary: "Follow what changes for readers",
  description:
    "Every publication, withdrawal and deletion after a position, in order, each once; a copy that applies them holds what content answers. A page never ends inside a commit: " +
    "`limit` is exceeded by up to 100 rather than that. With `Accept: text/event-stream` the same as server-sent events, from the head unless `after` or `Last-Event-ID` says otherwise; " +
    "the server ends a stream after some minutes, and clients resume where they were.",
  from: "nearest",
  params: z.object({}),
  query: changesQuery,
  answers: [
    {
      status: 200,
      description: "A page of changes, or changes as they come.",
      schema: changesSchema,
      also: { "text/event-stream": eventsSchema },
    },
  ],
  async handle(scope, { query }, live) {
    if (prefersEvents(live.accept)) return await stream(scope, query, live);
    const { after = 0, type, limit } = query;
    const listed = await list(scope, { after: after as ChangesPosition, type, limit });
    if (!listed.ok) return listed;
    const { items, next, head, truncated, source } = listed.value;
    return ok({
      body: { data: items, page: { next, head, ...(truncated ? { truncated } : {}) } },
      tagged: { query: { after, type: type ?? null }, data: items },
      position: head,
      source,
      headers: VARY,
    });
  },
});

type ChangesPosition = Changes["next"];

async function stream(
  scope: Scope<ReadData>,
  { after, type }: ChangesQuery,
  live: Live,
): Promise<Result<StreamAnswer>> {
  // A client that comes back asks for the same address and says where it was.
  const resumed = live.lastEventId === null ? ok(after) : readPosition("Last-Event-ID", live.lastEventId);
  if (!resumed.ok) return resumed;
  const page = (from: Scope<ReadData>, at: ChangesPosition) => list(from, { after: at, type, ...STREAM_PAGE });
  const first = resumed.value === undefined ? await atHead(scope) : await page(scope, resumed.value);
  if (!first.ok) return first;
  const { wait, stop } = pause();
  const later = { ...scope, data: { ...scope.data, reader: live.reader } };
  const parts = follow(first.value, {
    page: (at) => page(later, at),
    head: live.head,
    admit: live.admit,
    wait,
    clock: scope.clock,
    lifetime: lifetime(),
  });
  const { head, source } = first.value;
  return ok({ media: "text/event-stream", parts, stop, position: head, source, headers: VARY });
}

async function atHead({ data }: Scope<ReadData>): Promise<Result<Changes>> {
  const answer = await data.reader.read([]);
  if (!answer.ok) return answer;
  const { position, source } = answer.value;
  return ok({ items: [], next: position, head: position, source });
}

function lifetime(): Millis {
  return millis(LIFETIME.least + Math.random() * LIFETIME.more);
}
