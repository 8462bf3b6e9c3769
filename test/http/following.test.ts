// Changes as pages and as server-sent events, and exports: as the contract has them, over HTTP.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Answer, makeSpace, makeTypes, PLACES, rootKey, type Space } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { type EventStream, type Following, openEvents } from "../support/events.ts";
import { stackHere } from "../support/here.ts";
import { askChecked, expectRefusal, witnessed } from "../support/witness.ts";

const control = openControl(stackHere().control);
let space: Space;

beforeEach(async () => {
  space = witnessed(await makeSpace());
  await makeTypes(space);
});

const city = (id: string, more: object = {}) => ({
  type: "city",
  id,
  fields: { name: { en: id, fr: `${id}-fr` } },
  ...more,
});
const create = (id: string, more: object = {}) =>
  space.must("POST", "entries", { body: city(id, { publish: true, ...more }) });
const changes = (query = "", options = {}) => space.must("GET", `changes${query}`, options);
const told = ({ body }: Answer): readonly string[] =>
  body.data.map(({ kind, id, version }: Record<string, unknown>) => `${kind} ${id} ${version}`);

describe("GET /changes", () => {
  test("every publication with what it gave then, every withdrawal and deletion, in order", async () => {
    const first = await create("a", { slug: "one" });
    await space.must("PATCH", "entries/a", { body: { slug: "two", fields: { population: 2 } } });
    await space.must("POST", "entries/a/publish");
    await create("b");
    await space.must("POST", "entries/b/archive");
    await create("c");
    await space.must("POST", "entries/c/unpublish");
    const gone = await space.must("DELETE", "entries/c");
    const page = await changes();
    expect(told(page)).toEqual([
      "published a 1",
      "published a 2",
      "published b 1",
      "unpublished b 1",
      "published c 1",
      "unpublished c 1",
      "deleted c 1",
    ]);
    expect(page.body.page).toEqual({ next: gone.position, head: gone.position });
    expect(page.position).toBe(gone.position);
    const [one, two, , unpublished, , , deleted] = page.body.data;
    expect(one).toMatchObject({ position: first.position, timestamp: first.body.publishedAt, type: "city" });
    expect(one.entry).toMatchObject({ id: "a", slug: "one", locale: "*", version: 1, fields: city("a").fields });
    expect(two.entry).toMatchObject({ slug: "two", version: 2, fields: { ...city("a").fields, population: 2 } });
    expect((await space.must("GET", "content/city/a?locale=*")).body).toEqual(two.entry);
    expect(unpublished).not.toHaveProperty("entry");
    expect(deleted).toEqual({
      position: gone.position,
      timestamp: expect.any(String),
      kind: "deleted",
      type: "city",
      id: "c",
      version: 1,
    });
  });

  test("drafts are nobody's business but editors'", async () => {
    await space.must("POST", "entries", { body: city("draft") });
    await space.must("PATCH", "entries/draft", { body: { fields: { population: 1 } } });
    await space.must("POST", "entries/draft/archive");
    const { position } = await space.must("DELETE", "entries/draft");
    expect((await changes()).body).toEqual({ data: [], page: { next: position, head: position } });
  });

  test("an id that is used again tells of its own life only", async () => {
    await create("again");
    await space.must("DELETE", "entries/again");
    await space.must("POST", "entries", { body: { type: "country", id: "again", fields: { name: { en: "x" } } } });
    await space.must("DELETE", "entries/again");
    expect(told(await changes())).toEqual(["published again 1", "deleted again 1"]);
    expect((await changes()).body.data[0]).not.toHaveProperty("entry");
    expect(told(await changes("?type=country"))).toEqual([]);
  });

  test("page after page, from a position on, of one type, with its tombstones", async () => {
    for (const id of ["a", "b", "c"]) await create(id);
    await space.must("POST", "entries", {
      body: { type: "country", id: "fr", fields: { name: { en: "x" } }, publish: true },
    });
    await space.must("DELETE", "entries/b");
    await space.must("DELETE", "entries/fr");
    const seen: string[] = [];
    let after = 0;
    for (let head = -1; after !== head; ) {
      const page = await changes(`?limit=2&type=city&after=${after}`);
      expect(page.body.data.length > 0 || page.body.page.next === page.body.page.head).toBe(true);
      seen.push(...told(page));
      after = page.body.page.next;
      head = page.body.page.head;
    }
    expect(seen).toEqual(["published a 1", "published b 1", "published c 1", "deleted b 1"]);
    expect(told(await changes("?type=country"))).toEqual(["published fr 1", "deleted fr 1"]);
    expect(await changes("?type=nowhere")).toMatchObject({ body: { data: [], page: { next: after, head: after } } });
  });

  test("a page does not end between the events of one commit", async () => {
    const positions = [(await create("a")).position, (await create("b")).position];
    expect((await changes("?limit=1")).body.page.next).toBe(positions[0]);
    // Created and published at once: after the first event of the two, the second is still told.
    expect((await changes(`?limit=1&after=${positions[0]! + 1}`)).body.page.next).toBe(positions[1]);
  });

  test("what was unpublished since is shown to those who see drafts, what was deleted since to nobody", async () => {
    await create("withdrawn");
    await create("deleted");
    await space.must("POST", "entries/withdrawn/unpublish");
    await space.must("DELETE", "entries/deleted");
    const reader = await space.keyWith(["content:read"]);
    const shown = async (options: object) =>
      (await changes("?limit=1000", options)).body.data.map(({ entry }: { entry?: unknown }) => entry !== undefined);
    expect(await shown({})).toEqual([true, false, false, false]);
    expect(await shown({ key: reader })).toEqual([false, false, false, false]);
    const anybody = await askChecked("GET", `/v1/spaces/${space.id}/changes`);
    expect(anybody.body.data.some(({ entry }: { entry?: unknown }) => entry !== undefined)).toBe(false);
  });

  test("who may: readers, and anybody where content is anybody's", async () => {
    await create("a");
    expect((await askChecked("GET", `/v1/spaces/${space.id}/changes`)).status).toBe(200);
    const editor = await space.keyWith(["content:write"]);
    expectRefusal(await space.ask("GET", "changes", { key: editor }), 403, "scope-missing");
    const closed = witnessed(await makeSpace({ publicRead: false }));
    expectRefusal(await askChecked("GET", `/v1/spaces/${closed.id}/changes`), 401, "credentials-required");
    expectRefusal(await askChecked("GET", `/v1/spaces/${closed.id}/export`), 401, "credentials-required");
  });

  test.each([
    ["after=-1", "after"],
    ["after=x", "after"],
    ["after=1.5", "after"],
    ["after=99999999999999999", "after"],
    ["after=1&after=2", "after"],
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["type=Nope!", "type"],
    ["type=", "type"],
    ["cursor=x", "cursor"],
  ])("400: ?%s", async (query, parameter) => {
    for (const accept of ["application/json", "text/event-stream"]) {
      const answer = await space.ask("GET", `changes?${query}`, { headers: { accept } });
      expectRefusal(answer, 400, parameter === "cursor" ? "unknown-parameter" : "invalid-parameter", { parameter });
    }
  });

  test("503 at once for what has not been reached, and never from older state", async () => {
    const { position } = await create("a");
    const beyond = await space.ask("GET", `changes?after=${position + 1}`);
    expectRefusal(beyond, 503, "position-not-reached");
    expect(beyond.position).toBe(position);
    expect(beyond.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    const ahead = { headers: { "meridian-at-least": String(position + 1) } };
    expectRefusal(await space.ask("GET", "changes", ahead), 503, "position-not-reached");
    // What starts at a position shows everything since: a later one may be asked for.
    const later = await space.ask("GET", "changes?after=1", { headers: { "meridian-at-least": String(position) } });
    expect(told(later)).toEqual(["published a 1"]);
  });

  test("a reader that has not come as far as `after` is passed over", async () => {
    await control.replay("us-fra", true);
    try {
      const { position } = await create("a");
      const answer = await space.must("GET", `changes?after=${position}`, { cf: PLACES.fra });
      expect(answer.headers.get("meridian-source")).not.toBe("us-fra");
      expect(answer.body.page).toEqual({ next: position, head: position });
    } finally {
      await control.restore();
    }
  });

  test("is nobody's to keep, and 304 where nothing came", async () => {
    await create("a");
    const page = await changes();
    expect(page.headers.get("cache-control")).toBe("private, no-store");
    expect(page.headers.get("vary")).toContain("Accept");
    expect(page.headers.get("access-control-allow-origin")).toBe("*");
    const again = { headers: { "if-none-match": page.headers.get("etag") as string } };
    expect((await space.ask("GET", "changes", again)).status).toBe(304);
    await create("b");
    expect((await space.ask("GET", "changes", again)).status).toBe(200);
  });
});

describe("GET /changes as server-sent events", () => {
  const streams: EventStream[] = [];
  // The development proxy hides that a client has left: a stream would go on asking while other tests count. It ends with its space.
  afterEach(async () => {
    await askChecked("DELETE", `/v1/spaces/${space.id}`, { key: rootKey() });
    for (const stream of streams.splice(0)) await stream.ended();
  });
  const open = async (query = "", following: Following = {}): Promise<EventStream> => {
    const stream = await openEvents(`/v1/spaces/${space.id}/changes${query}`, { key: space.key, ...following });
    streams.push(stream);
    return stream;
  };

  test("from the head on: each change as it comes, with its position as id", async () => {
    await create("before");
    const stream = await open();
    expect(stream.status).toBe(200);
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    expect(stream.headers.get("cache-control")).toBe("private, no-store");
    expect(stream.headers.get("meridian-position")).toMatch(/^\d+$/);
    expect(stream.headers.get("etag")).toBeNull();
    await stream.until((text) => text.includes("\n\n"));
    expect(stream.lastEventId()).toBe(stream.headers.get("meridian-position"));
    const { position } = await create("a");
    const page = (await changes(`?after=${stream.lastEventId()}`)).body.data;
    expect(await stream.next()).toEqual({ event: "change", id: String(position), data: page[0] });
    await space.must("DELETE", "entries/a");
    expect((await stream.next())?.data).toMatchObject({ kind: "deleted", id: "a" });
  });

  test("from `after`, or from where the client was, which counts more", async () => {
    const first = await create("a");
    await create("b");
    expect((await (await open("?after=0")).next())?.data.id).toBe("a");
    const resumed = await open("?after=0", { headers: { "last-event-id": String(first.position) } });
    expect((await resumed.next())?.data.id).toBe("b");
    const beyond = await open("", { headers: { "last-event-id": "1000" } });
    expect(beyond.status).toBe(503);
    expect((await open("", { headers: { "last-event-id": "x" } })).status).toBe(400);
  });

  test("of one type, and everything that there was while nobody listened", async () => {
    const stream = await open("?type=country");
    await stream.until((text) => text.includes("\n\n"));
    await stream.leave();
    await create("a");
    await space.must("POST", "entries", {
      body: { type: "country", id: "fr", fields: { name: { en: "x" } }, publish: true },
    });
    await space.must("DELETE", "entries/fr");
    const resumed = await open("?type=country", { headers: { "last-event-id": stream.lastEventId() } });
    expect((await resumed.next())?.data).toMatchObject({ kind: "published", id: "fr" });
    expect((await resumed.next())?.data).toMatchObject({ kind: "deleted", id: "fr" });
  });

  test("HEAD tells the same headers and opens nothing", async () => {
    const head = await space.ask("HEAD", "changes", { headers: { accept: "text/event-stream" } });
    expect(head.status).toBe(200);
    expect(head.text).toBe("");
    expect(head.headers.get("content-type")).toBe("text/event-stream");
  });

  test.each([
    [
      "the key is revoked",
      { publicRead: false },
      async (id: string) => {
        const { body } = await askChecked("GET", `/v1/spaces/${id}/keys`, { key: rootKey() });
        const follower = body.data.find(({ name }: { name: string }) => name === "content:read");
        await askChecked("DELETE", `/v1/spaces/${id}/keys/${follower.id}`, { key: rootKey() });
      },
    ],
    [
      "the space becomes private",
      { publicRead: true },
      async (id: string) => {
        await askChecked("PATCH", `/v1/spaces/${id}`, { key: rootKey(), body: { publicRead: false } });
      },
    ],
    [
      "the space is deleted",
      { publicRead: true },
      async (id: string) => {
        await askChecked("DELETE", `/v1/spaces/${id}`, { key: rootKey() });
      },
    ],
  ])("ends when %s", async (_, settings, end) => {
    const other = await makeSpace(settings);
    const key = settings.publicRead ? {} : { key: await other.keyWith(["content:read"]) };
    const stream = await openEvents(`/v1/spaces/${other.id}/changes`, key);
    streams.push(stream);
    await stream.until((text) => text.includes("\n\n"));
    await end(other.id);
    expect(await stream.next(), "nothing is told any more").toBeUndefined();
    expect(stream.text()).not.toContain("event:");
  });
});

describe("GET /export", () => {
  const linesOf = ({ text }: Answer) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));

  test("what is published, ordered by type and id, as imports take it", async () => {
    await create("b", { slug: "bee" });
    await create("a");
    await create("B");
    await space.must("POST", "entries", { body: city("draft") });
    await space.must("PATCH", "entries/a", { body: { fields: { population: 9 } } });
    await space.must("POST", "entries", {
      body: { type: "country", id: "fr", fields: { name: { en: "x" } }, publish: true },
    });
    await space.must("PUT", "types/avenue", { body: { name: "Avenue", schema: { type: "object", properties: {} } } });
    const answer = await space.must("GET", "export");
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    expect(answer.headers.get("cache-control")).toBe("private, no-store");
    expect(answer.headers.get("meridian-lines")).toBe("4");
    expect(answer.text.endsWith("\n")).toBe(true);
    expect(linesOf(answer)).toEqual([
      { ...city("B"), publish: true },
      { ...city("a"), publish: true },
      { ...city("b"), slug: "bee", publish: true },
      { type: "country", id: "fr", fields: { name: { en: "x" } }, publish: true },
    ]);
    const one = await space.must("GET", "export?type=country");
    expect([one.headers.get("meridian-lines"), linesOf(one).length]).toEqual(["1", 1]);
    // Each line is what creating an entry takes.
    for (const { id, ...line } of linesOf(answer))
      await space.must("POST", "entries", {
        body: { ...line, id: `copy-${id}`, ...("slug" in line ? { slug: `copy-${line.slug}` } : {}) },
      });
  });

  test("drafts as they are, archived ones left out, published again only as they stand", async () => {
    await create("same");
    await create("changed");
    await space.must("PATCH", "entries/changed", { body: { fields: { population: 9 } } });
    await space.must("POST", "entries", { body: city("draft", { slug: "d" }) });
    await create("archived");
    await space.must("POST", "entries/archived/archive");
    const answer = await space.must("GET", "export?perspective=draft");
    expect(answer.headers.get("meridian-lines")).toBeNull();
    expect(linesOf(answer)).toEqual([
      { ...city("changed"), fields: { ...city("changed").fields, population: 9 } },
      { ...city("draft"), slug: "d" },
      { ...city("same"), publish: true },
    ]);
    const reader = await space.keyWith(["content:read"]);
    expectRefusal(await space.ask("GET", "export?perspective=draft", { key: reader }), 403, "scope-missing");
    const writer = await space.keyWith(["transfer:write"]);
    expectRefusal(await space.ask("GET", "export", { key: writer }), 403, "scope-missing");
  });

  test("nothing, of nothing; 404 and 400 for what is not there", async () => {
    const answer = await space.must("GET", "export");
    expect([answer.text, answer.headers.get("meridian-lines")]).toEqual(["", "0"]);
    expectRefusal(await space.ask("GET", "export?type=nowhere"), 404, "type-missing");
    expectRefusal(await space.ask("GET", "export?perspective=all"), 400, "invalid-parameter", {
      parameter: "perspective",
    });
    const bare = witnessed(await makeSpace());
    expect((await bare.must("GET", "export")).text).toBe("");
    const head = await space.ask("HEAD", "export");
    expect([head.status, head.headers.get("meridian-lines"), head.text]).toEqual([200, "0", ""]);
  });
});
