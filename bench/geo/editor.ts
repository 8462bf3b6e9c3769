// One publication of the simulation: a new draft and its publication, from an editor in some region.
import { fieldsOf, idOf, slugOf, TYPE } from "../workers/seed.ts";
import type { RegionPlan } from "./plan.ts";
import { type Entry, fail, type Notes, nameOf, note, send } from "./reader.ts";

export interface Published {
  readonly position: number;
  readonly version: number;
  /** When the answer had come. */
  readonly at: number;
}

/** `due`: `undefined` for probes, which are no traffic. Both requests are noted down as writes of their own. */
export async function publish(
  notes: Notes,
  region: RegionPlan,
  entry: Entry,
  edition: number,
  due: number | undefined,
): Promise<Published | undefined> {
  const key = notes.plan.spaces.find(({ id }) => id === entry.space)?.key;
  const headers = { ...region.editorsHeaders, Authorization: `Bearer ${key}` };
  const path = `/v1/spaces/${entry.space}/entries/${idOf(entry.n)}`;
  const body = { type: TYPE, slug: slugOf(entry.n), fields: fieldsOf(entry.n, edition) };
  const port = region.editors;
  const drafted = await send(notes, "write", { port, path, method: "PUT", headers, body });
  if (drafted === undefined) return undefined;
  if (drafted.status !== 200) return void fail(notes, `write ${drafted.status}`);
  if (due !== undefined) note(notes, region, "write", drafted.to - due);
  const told = await send(notes, "publish", { port, path: `${path}/publish`, method: "POST", headers });
  if (told === undefined) return undefined;
  if (told.status !== 200) return void fail(notes, `publish ${told.status}`);
  if (due !== undefined) note(notes, region, "write", told.to - told.from);
  const { publishedVersion: version } = JSON.parse(told.body) as { publishedVersion: number };
  const published = { version, position: Number(told.headers.get("meridian-position")), at: told.to };
  notes.ledger.published(nameOf(entry), published);
  return published;
}
