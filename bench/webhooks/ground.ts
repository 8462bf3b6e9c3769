// What all of it stands on: one isolate with every queue of production, spaces with drafts, endpoints, and what Postgres says of them.
import pg from "pg";
import { apiClient } from "../../local/api-client.ts";
import { inLanes } from "../../local/lanes.ts";
import type { Stack } from "../../local/stack.ts";
import { askWell } from "../load/ask.ts";
import type { Running } from "../workers/bundle.ts";
import { primaryOf } from "../workers/content.ts";
import { fieldsOf, idOf, seed, slugOf, TYPE } from "../workers/seed.ts";
import type { Receiver } from "./receiver.ts";

export interface WebhooksBench {
  readonly stack: Stack;
  readonly worker: Running;
  readonly receiver: Receiver;
  readonly sql: pg.Client;
  readonly short: boolean;
}

export interface Told {
  readonly id: string;
  readonly uid: number;
  readonly key: string;
  /** Paths of its endpoints. */
  readonly paths: readonly string[];
}

const LANES = 8;

export async function openSql(stack: Stack): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: primaryOf(stack, "us") });
  await client.connect();
  return client;
}

/** A space with `drafts` articles that were never published, and with `hooks` endpoints that are told of publications. */
export async function makeTold(
  { stack, worker, receiver, sql }: WebhooksBench,
  space: string,
  drafts: number,
  hooks: number,
): Promise<Told> {
  const origin = `http://127.0.0.1:${worker.port}`;
  const key = await seed({ origin, rootKey: stack.rootKey, space });
  const api = apiClient(origin, key);
  const numbers = Array.from({ length: drafts }, (_, n) => n + 1);
  await inLanes(LANES, numbers, async (n) => {
    const body = { type: TYPE, id: idOf(n), slug: slugOf(n), fields: fieldsOf(n) };
    (await api.ask("POST", `/v1/spaces/${space}/entries`, { body, idempotencyKey: `${space}-${n}` })).expect(201);
  });
  const scopes = { name: "hooks", scopes: ["webhooks:write"] };
  const root = apiClient(origin, stack.rootKey);
  const made = (await root.ask("POST", `/v1/spaces/${space}/keys`, { body: scopes })).expect(201);
  const owner = apiClient(origin, (made.body as { key: string }).key);
  const paths: string[] = [];
  for (let n = 0; n < hooks; n += 1) {
    const path = `/${space}/${n}`;
    const body = { url: receiver.url(path), events: ["entry.published"] };
    (await owner.ask("POST", `/v1/spaces/${space}/webhooks`, { body })).expect(201);
    paths.push(path);
  }
  const { rows } = await sql.query<{ uid: number }>("select uid from directory where id = $1", [space]);
  return { id: space, uid: rows[0]?.uid ?? 0, key, paths };
}

/** Answers the position of the publication. */
export async function publish({ worker }: WebhooksBench, { id, key }: Told, n: number): Promise<number> {
  const path = `/v1/spaces/${id}/entries/${idOf(n)}/publish`;
  const headers = { Authorization: `Bearer ${key}` };
  const told = await askWell({ port: worker.port, path, method: "POST", headers });
  return Number(told.headers.get("meridian-position"));
}

/** Another edition of an article, published. */
export async function edit(bench: WebhooksBench, told: Told, n: number, edition: number): Promise<number> {
  const path = `/v1/spaces/${told.id}/entries/${idOf(n)}`;
  const body = { type: TYPE, slug: slugOf(n), fields: fieldsOf(n, edition) };
  const headers = { Authorization: `Bearer ${told.key}` };
  await askWell({ port: bench.worker.port, path, method: "PUT", headers, body });
  return await publish(bench, told, n);
}
