// Every event reached every subscriber, and had its effect once (invariant 4): checkpoints, deliveries, and what receivers got.
import type { Session } from "../postgres.ts";
import type { LoggedEvent } from "./log.ts";
import type { RecordedDelivery, RecordedSpace, RecordedWebhook, Recording, Violation } from "./recording.ts";

/** What the world is told of; written down here once more, because the product's own table may be wrong. */
const NAMES: Readonly<Record<string, string>> = {
  EntryCreated: "entry.created",
  EntryUpdated: "entry.updated",
  EntryPublished: "entry.published",
  EntryUnpublished: "entry.unpublished",
  EntryArchived: "entry.archived",
  EntryUnarchived: "entry.unarchived",
  EntryDeleted: "entry.deleted",
  TypeSaved: "type.saved",
  TypeDeleted: "type.deleted",
};

/** `names`: who ever kept a checkpoint. */
export async function checkpointsOf(
  sql: Session,
  space: RecordedSpace,
  names: readonly string[],
  head: number,
): Promise<readonly Violation[]> {
  const rows = await sql(
    "select subscriber, position, stopped_at is not null as stopped from subscribers where space = $1",
    [space.uid],
  );
  return names.flatMap((name) => {
    const row = rows.find(({ subscriber }) => subscriber === name);
    if (row?.["position"] === head && row["stopped"] !== true) return [];
    const where = row === undefined ? "at nothing" : `at ${row["position"]}${row["stopped"] ? ", stopped" : ""}`;
    return [{ invariant: 4 as const, space: space.id, what: `subscriber ${name} is ${where}, the head is ${head}` }];
  });
}

export async function deliveriesOf(
  sql: Session,
  space: RecordedSpace,
  log: readonly LoggedEvent[],
  recording: Pick<Recording, "webhooks" | "deliveries">,
): Promise<readonly Violation[]> {
  const found: Violation[] = [];
  const rows = await sql(
    "select webhook, position, event, replay, state, count(*)::int as n from deliveries where space = $1 and event not in ('webhook.test', 'import.completed') group by 1, 2, 3, 4, 5",
    [space.uid],
  );
  const made = Map.groupBy(rows, (row) => `${row["webhook"]} ${row["replay"]} ${row["position"]}`);
  for (const [which, several] of made) {
    const n = several.reduce((sum, row) => sum + (row["n"] as number), 0);
    if (n > 1)
      found.push({
        invariant: 4,
        space: space.id,
        what: `there are ${n} deliveries of (webhook, replay, position) ${which}`,
      });
  }
  const replays = await sql(
    "select id, webhook, from_pos as first, to_pos as last, reached from webhook_replays where space = $1 and cancelled_at is null",
    [space.uid],
  );
  for (const webhook of recording.webhooks.filter((one) => one.space === space.id)) {
    const got = recording.deliveries.filter(
      (one) => one.webhook === webhook.id && one.space === space.id && one.event !== "import.completed",
    );
    const say = (what: string) => found.push({ invariant: 4, space: space.id, what: `webhook ${webhook.id}: ${what}` });
    const own = rows.filter((row) => row["webhook"] === webhook.id && row["replay"] === "");
    const expected = expectedOf(webhook, log);
    const events = new Map(log.map((event) => [event.position, event]));
    for (const row of own) {
      const at = row["position"] as number;
      if (expected.get(at) !== row["event"])
        say(`it has a delivery of ${row["event"]} at ${at}, which it is not to be told of`);
    }
    if (webhook.isFaithful) {
      const states = new Map(own.map((row) => [row["position"] as number, row["state"] as string]));
      const receipts = new Set(got.filter(({ replayed }) => !replayed).map(({ position }) => position));
      for (const [at, event] of expected) {
        if (states.get(at) !== "delivered") say(`${event} at ${at} is ${states.get(at) ?? "not among its deliveries"}`);
        else if (!receipts.has(at)) say(`${event} at ${at} is said to be delivered, and its receiver never got it`);
      }
    }
    for (const replay of webhook.isFaithful ? replays.filter((one) => one["webhook"] === webhook.id) : []) {
      const { id, first, last, reached } = replay as { id: string; first: number; last: number; reached: number };
      if (reached < last) say(`replay ${id} stands at ${reached} of ${last}`);
      const again = new Map(
        rows.filter((row) => row["replay"] === id).map((row) => [row["position"] as number, row["state"] as string]),
      );
      // Whoever asks for a replay is told of what came before it was there, too.
      for (const [at, event] of expectedOf({ ...webhook, since: first - 1 }, log))
        if (at <= last && again.get(at) !== "delivered")
          say(`replay ${id}: ${event} at ${at} is ${again.get(at) ?? "not among its deliveries"}`);
    }
    for (const one of got) {
      const of = events.get(one.position);
      if (NAMES[of?.type ?? ""] !== one.event && of !== undefined && !isAlso(of, one.event))
        say(`it got ${one.event} at ${one.position}, where the log has ${of.type}`);
      if (of?.type === "EntryPublished" && of.data["version"] !== one.version)
        say(`it got version ${one.version} at ${one.position}, where the log has ${of.data["version"]}`);
    }
    for (const what of outOfOrder(got)) say(what);
    for (const what of otherIds(got)) say(what);
  }
  return found;
}

/** Position and name of every event that it is to be told of. */
function expectedOf({ events, since }: RecordedWebhook, log: readonly LoggedEvent[]): ReadonlyMap<number, string> {
  const expected = new Map<number, string>();
  for (const event of log) {
    if (event.position <= since) continue;
    const name = NAMES[event.type];
    if (name !== undefined && events.includes(name)) expected.set(event.position, name);
    else if (isAlso(event, "entry.unpublished") && events.includes("entry.unpublished"))
      expected.set(event.position, "entry.unpublished");
  }
  return expected;
}

/** Archiving what was published withdraws it too, in one event. */
const isAlso = ({ type, data }: LoggedEvent, event: string): boolean =>
  event === "entry.unpublished" && type === "EntryArchived" && data["withdrew"] === true;

/** In each lane never an older one after a newer: what comes again comes in its turn. */
function outOfOrder(got: readonly RecordedDelivery[]): readonly string[] {
  const last = new Map<string, number>();
  return got.flatMap(({ lane, replayed, position }) => {
    const key = `${lane} ${replayed}`;
    const before = last.get(key) ?? 0;
    last.set(key, Math.max(before, position));
    return position < before && !replayed ? [`${lane} at ${position} came after ${before}`] : [];
  });
}

/** One event to one endpoint has one id, in every attempt and replay. */
function otherIds(got: readonly RecordedDelivery[]): readonly string[] {
  const ids = new Map<number, string>();
  return got.flatMap(({ position, message, event }) => {
    if (event === "webhook.test") return [];
    const before = ids.get(position) ?? message;
    ids.set(position, before);
    return before === message ? [] : [`the event at ${position} came as ${before} and as ${message}`];
  });
}
