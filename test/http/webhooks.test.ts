// Webhooks over HTTP: making, changing and rotating them, what they are told and how that is signed, and the log of it.
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, makeSpace, makeTypes, type Space, until } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { openReceiver, type Received, type Receiver } from "../support/receiver.ts";
import { expectRefusal, headOf, witnessed } from "../support/witness.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SECRET = /^whsec_[A-Za-z0-9+/]{43}=$/;
const PUBLIC = "https://93.184.216.34/hook";

let space: Space;
let receiver: Receiver;
let made = 0;

const make = (body: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
  space.ask("POST", "webhooks", { body: { url: PUBLIC, events: ["entry.published"], ...body }, headers });

beforeAll(async () => {
  receiver = await openReceiver();
  space = witnessed(await makeSpace({ publicRead: false }));
  await makeTypes(space);
});
afterAll(() => receiver.close());

interface Listener {
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  got(): readonly Received[];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert
  deliveries(): Promise<any[]>;
}

/** A webhook to a path of its own. */
async function listener(body: object = {}): Promise<Listener> {
  made += 1;
  const path = `/hook-${made}`;
  const hook = (await make({ url: receiver.url(path), ...body })).body;
  const deliveries = async () => (await space.must("GET", `webhooks/${hook.id}/deliveries?limit=1000`)).body.data;
  return { ...hook, got: () => receiver.got(path), deliveries };
}
const got = (count: number, hook: { got(): readonly unknown[] }) =>
  until(`${count} messages came`, async () => hook.got().length >= count, 60_000);

let entries = 0;
async function publish(fields: object = {}): Promise<{ id: string; position: number }> {
  entries += 1;
  const id = `e${entries}`;
  const answer = await space.must("POST", "entries", {
    body: {
      type: "country",
      id,
      slug: `slug-${id}`,
      fields: { name: { en: id, fr: `${id} fr` }, ...fields },
      publish: true,
    },
  });
  return { id, position: answer.position };
}

describe("a webhook", () => {
  test("is made with a secret that is shown once, and takes a position", async () => {
    const before = await headOf(space);
    const answer = await make({
      events: ["entry.deleted", "entry.created", "entry.created"],
      types: ["city"],
      description: "Search",
    });
    expect([answer.status, answer.position]).toEqual([201, before + 1]);
    expect(answer.headers.get("location")).toBe(`/v1/spaces/${space.id}/webhooks/${answer.body.id}`);
    const { secret, ...rest } = answer.body;
    expect(secret).toMatch(SECRET);
    expect(rest).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{18}$/),
      url: PUBLIC,
      events: ["entry.created", "entry.deleted"],
      types: ["city"],
      description: "Search",
      enabled: true,
      disabledReason: null,
      createdAt: expect.stringMatching(TIME),
      updatedAt: rest.createdAt,
    });
    const read = await space.must("GET", `webhooks/${rest.id}`);
    expect(read.body).toEqual(rest);
    expect(read.headers.get("etag")).toBe(answer.headers.get("etag"));
    const listed = await space.must("GET", "webhooks?limit=1000");
    expect(listed.body.data).toContainEqual(rest);
    expect(listed.text).not.toContain("whsec_");
  });

  test("a repetition shows the same secret again", async () => {
    const headers = { "idempotency-key": "one-hook" };
    const [first, again] = [await make({}, headers), await make({}, headers)];
    expect([again.text, again.position, again.headers.get("idempotency-replayed")]).toEqual([
      first.text,
      first.position,
      "true",
    ]);
  });

  test("lists page by page", async () => {
    await make();
    await make();
    const whole = (await space.must("GET", "webhooks?limit=1000")).body.data;
    const seen: unknown[] = [];
    for (let path = "webhooks?limit=1"; path !== ""; ) {
      const page = await space.must("GET", path);
      seen.push(...page.body.data);
      path = page.body.page.next === null ? "" : `webhooks?limit=1&cursor=${page.body.page.next}`;
    }
    expect(seen).toEqual(whole);
    for (const cursor of ["x", "1-2", `${"9".repeat(15)}-${"a".repeat(18)}`])
      expectRefusal(await space.ask("GET", `webhooks?cursor=${cursor}`), 400, "cursor-invalid");
  });

  test("changes by merge patch; what changes nothing takes no position", async () => {
    const hook = (await make({ types: ["city"], description: "d" })).body;
    const path = `webhooks/${hook.id}`;
    const changed = await space.must("PATCH", path, { body: { types: null, events: ["type.saved"] } });
    expect(changed.body).toMatchObject({ types: null, events: ["type.saved"], description: "d", url: PUBLIC });
    const same = await space.must("PATCH", path, { body: { events: ["type.saved", "type.saved"], enabled: true } });
    expect([same.position, same.headers.get("etag")]).toEqual([changed.position, changed.headers.get("etag")]);
    const off = await space.must("PATCH", path, { body: { enabled: false } });
    expect([off.body.enabled, off.body.disabledReason]).toEqual([false, null]);
    expectRefusal(await space.ask("POST", `${path}/test`), 409, "webhook-disabled");
    expectRefusal(await space.ask("POST", `${path}/replay`, { body: { fromPosition: 1 } }), 409, "webhook-disabled");
    const stale = { "if-match": changed.headers.get("etag") ?? "" };
    expectRefusal(
      await space.ask("PATCH", path, { body: { description: null }, headers: stale }),
      412,
      "precondition-failed",
    );
    expectRefusal(await space.ask("DELETE", path, { headers: stale }), 412, "precondition-failed");
    expect((await space.ask("DELETE", path, { headers: { "if-match": off.headers.get("etag") ?? "" } })).status).toBe(
      204,
    );
    for (const [method, rest] of [
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["GET", "/deliveries"],
      ["GET", "/replays"],
      ["POST", "/test"],
    ] as const)
      expectRefusal(
        await space.ask(method, `${path}${rest}`, method === "PATCH" ? { body: { enabled: true } } : {}),
        404,
        "webhook-missing",
      );
  });

  test.each([
    [{ events: [] }, 422],
    [{ events: ["entry.exploded"] }, 422],
    [{ types: [] }, 422],
    [{ types: ["Not A Type"] }, 422],
    [{ url: "" }, 422],
    [{ url: 7 }, 400],
    [{ secret: "whsec_mine" }, 400],
    [{ description: "\u0000" }, 422],
  ])("refuses %j", async (body, status) => {
    expect((await make(body)).status).toBe(status);
  });
});

describe("what it is told", () => {
  test("a publication: signed, in content shape, as of its position", async () => {
    const hook = await listener();
    const { id, position } = await publish({ region: "Europe" });
    await space.must("PATCH", `entries/${id}`, { body: { fields: { region: "elsewhere" } } });
    await got(1, hook);
    const [message] = hook.got();
    const content = (await space.must("GET", `content/country/${id}?locale=*`)).body;
    expect(new Webhook(hook.secret).verify(message?.text ?? "", message?.headers ?? {})).toEqual({
      type: "entry.published",
      timestamp: content.publishedAt,
      position,
      data: { space: space.id, entry: content },
    });
    expect(content.fields).toMatchObject({ name: { en: id, fr: `${id} fr` }, region: "Europe" });
    await until("it is in the log", async () => (await hook.deliveries())[0]?.status === "delivered");
    const [delivery] = await hook.deliveries();
    expect(delivery).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
      event: "entry.published",
      position,
      replayed: false,
      status: "delivered",
      createdAt: expect.stringMatching(TIME),
      nextAttemptAt: null,
      finishedAt: expect.stringMatching(TIME),
      attempts: [
        {
          n: 1,
          at: expect.stringMatching(TIME),
          durationMs: expect.any(Number),
          status: 200,
          error: null,
          request: {
            url: hook.url,
            id: message?.headers["webhook-id"],
            timestamp: Number(message?.headers["webhook-timestamp"]),
            bytes: message?.text.length,
          },
          response: { status: 200, fields: {}, body: "" },
        },
      ],
    });
  }, 60_000);

  test("in the trace of the write that it tells of, with a span of its own", async () => {
    const hook = await listener();
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const body = { type: "country", fields: { name: { en: "traced" } }, publish: true };
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    const { position } = await space.must("POST", "entries", { body, headers });
    await publish();
    await got(2, hook);
    // Different entries' messages come in any order.
    const traceOf = (isTraced: boolean) =>
      hook.got().find((one) => (one.body.position === position) === isTraced)?.headers["traceparent"];
    const [traced, untraced] = [traceOf(true), traceOf(false)];
    expect(traced).toMatch(new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
    expect(untraced).toBeUndefined();
  });

  test("a whole life, each event once and in order", async () => {
    const all = ["created", "updated", "published", "unpublished", "archived", "unarchived", "deleted"].map(
      (name) => `entry.${name}`,
    );
    const hook = await listener({ events: all });
    const only = await listener({ events: ["entry.unpublished"] });
    const id = "life";
    const at: number[] = [];
    const act = async (method: string, path: string, body?: object) =>
      void at.push((await space.must(method, path, body === undefined ? {} : { body })).position);
    await act("POST", "entries", { type: "country", id, fields: { name: { en: "One" } } });
    await act("POST", `entries/${id}/publish`);
    await act("PATCH", `entries/${id}`, { fields: { region: "r" } });
    await act("POST", `entries/${id}/unpublish`);
    await act("POST", `entries/${id}/publish`);
    await act("POST", `entries/${id}/archive`);
    await act("POST", `entries/${id}/unarchive`);
    await act("DELETE", `entries/${id}`);
    await got(8, hook);
    await got(2, only);
    const told = hook.got().map(({ body }) => body);
    expect(told.map(({ type, position }) => [type, position])).toEqual(
      ["created", "published", "updated", "unpublished", "published", "archived", "unarchived", "deleted"].map(
        (name, n) => [`entry.${name}`, at[n]],
      ),
    );
    const shown = told.map(({ data }) => data.entry);
    const stamps = {
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
      createdBy: expect.stringMatching(/^key:/),
      updatedBy: expect.stringMatching(/^key:/),
    };
    const draft = { id, type: "country", slug: null, fields: { name: { en: "One" } }, ...stamps };
    expect(shown[0]).toEqual({ ...draft, status: "draft", version: 1, publishedVersion: null, publishedAt: null });
    expect(shown[2]).toEqual({
      ...draft,
      fields: { name: { en: "One" }, region: "r" },
      status: "changed",
      version: 2,
      publishedVersion: 1,
      publishedAt: expect.stringMatching(TIME),
    });
    expect(shown[3]).toEqual({ id, type: "country", version: 1 });
    expect(shown[4]).toMatchObject({ locale: "*", version: 2 });
    expect(shown[5]).toMatchObject({ status: "archived", version: 2, publishedVersion: null });
    expect(shown[6]).toMatchObject({ status: "draft", publishedVersion: null });
    expect(shown[7]).toEqual({ id, type: "country", version: 2 });
    // Archiving withdraws, and is told as that to those who ask for nothing else.
    expect(only.got().map(({ body }) => [body.type, body.position, body.data.entry.version])).toEqual([
      ["entry.unpublished", at[3], 1],
      ["entry.unpublished", at[5], 2],
    ]);
  }, 90_000);

  test("only of what it asks for, by event and by type", async () => {
    const cities = await listener({ events: ["entry.published", "type.saved"], types: ["river"] });
    const everything = await listener({ events: ["type.saved", "type.deleted", "entry.published"] });
    await publish();
    await space.must("PUT", "types/river", { body: { name: "River", schema: { type: "object", properties: {} } } });
    await space.must("POST", "entries", { body: { type: "river", id: "rhine", fields: {}, publish: true } });
    await space.must("DELETE", "entries/rhine");
    await space.must("DELETE", "types/river");
    await got(4, everything);
    await got(2, cities);
    expect(
      cities
        .got()
        .map(({ body }) => body.type)
        .sort(),
    ).toEqual(["entry.published", "type.saved"]);
    const [saved] = cities.got().filter(({ body }) => body.type === "type.saved");
    expect(saved?.body.data).toEqual({ space: space.id, type: { id: "river" } });
    expect(everything.got().map(({ body }) => body.type)).toContain("type.deleted");
    expect(cities.got()).toHaveLength(2);
  }, 60_000);

  test("of nothing that came before it, and of nothing while it is disabled", async () => {
    await publish();
    const hook = await listener();
    await publish();
    await got(1, hook);
    await space.must("PATCH", `webhooks/${hook.id}`, { body: { enabled: false } });
    await publish();
    await space.must("PATCH", `webhooks/${hook.id}`, { body: { enabled: true } });
    const { position } = await publish();
    await got(2, hook);
    expect(hook.got()[1]?.body.position).toBe(position);
  }, 60_000);

  test("a test message, at once, whatever it asks for", async () => {
    const hook = await listener({ events: ["type.saved"] });
    const headers = { "idempotency-key": "one-test" };
    const answer = await space.ask("POST", `webhooks/${hook.id}/test`, { headers });
    expect([answer.status, answer.position]).toEqual([202, await headOf(space)]);
    const again = await space.ask("POST", `webhooks/${hook.id}/test`, { headers });
    expect([again.text, again.headers.get("idempotency-replayed")]).toEqual([answer.text, "true"]);
    await got(1, hook);
    const [message] = hook.got();
    expect(message?.body).toEqual({
      type: "webhook.test",
      timestamp: expect.stringMatching(TIME),
      position: answer.position,
      data: { space: space.id, webhook: { id: hook.id } },
    });
    expect(new Webhook(hook.secret).verify(message?.text ?? "", message?.headers ?? {})).toBeTruthy();
    expect(hook.got()).toHaveLength(1);
    expect((await hook.deliveries()).map(({ id }: { id: string }) => id)).toEqual([answer.body.id]);
  }, 60_000);
});

describe("rotating its secret", () => {
  test("two signatures while both are good, and one without an overlap", async () => {
    const hook = await listener();
    const rotated = (await space.must("POST", `webhooks/${hook.id}/rotate-secret`, { body: { overlapSeconds: 600 } }))
      .body;
    expect(rotated.secret).toMatch(SECRET);
    expect(rotated.secret).not.toBe(hook.secret);
    await space.must("POST", `webhooks/${hook.id}/test`);
    await got(1, hook);
    const [both] = hook.got();
    expect(both?.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    for (const secret of [hook.secret, rotated.secret])
      expect(new Webhook(secret).verify(both?.text ?? "", both?.headers ?? {})).toBeTruthy();
    const last = (await space.must("POST", `webhooks/${hook.id}/rotate-secret`, { body: { overlapSeconds: 0 } })).body;
    await space.must("POST", `webhooks/${hook.id}/test`);
    await got(2, hook);
    const message = hook.got()[1];
    expect(new Webhook(last.secret).verify(message?.text ?? "", message?.headers ?? {})).toBeTruthy();
    expect(() => new Webhook(rotated.secret).verify(message?.text ?? "", message?.headers ?? {})).toThrow();
  }, 60_000);
});

describe("a replay", () => {
  test("tells again, by position, under the same ids, and is a job", async () => {
    const hook = await listener();
    const published = [await publish(), await publish(), await publish()];
    await got(3, hook);
    const [first, , last] = published;
    const started = await space.ask("POST", `webhooks/${hook.id}/replay`, {
      body: { fromPosition: (first?.position ?? 0) + 1, toPosition: last?.position },
    });
    expect(started.status).toBe(202);
    const path = started.headers.get("location")?.replace(`/v1/spaces/${space.id}/`, "") ?? "";
    expect(path).toBe(`webhooks/${hook.id}/replays/${started.body.id}`);
    await until("it is completed", async () => (await space.must("GET", path)).body.status === "completed", 60_000);
    const again = hook.got().slice(3);
    expect(again.map(({ body }) => [body.position, body.replayed]).sort()).toEqual(
      published.slice(1).map(({ position }) => [position, true]),
    );
    const idOf = (position: number, from: typeof again) =>
      from.find(({ body }) => body.position === position)?.headers["webhook-id"];
    for (const { position } of published.slice(1))
      expect(idOf(position, again)).toBe(idOf(position, hook.got().slice(0, 3)));
    const job = (await space.must("GET", path)).body;
    expect(job).toMatchObject({
      kind: "webhook-replay",
      deliveries: { pending: 0, delivered: 2, failed: 0, cancelled: 0 },
      startedAt: expect.stringMatching(TIME),
      finishedAt: expect.stringMatching(TIME),
    });
    expect((await space.must("GET", `webhooks/${hook.id}/replays`)).body.data).toEqual([job]);
    expect((await space.must("POST", `${path}/cancel`)).body.status).toBe("completed");
  }, 90_000);

  test("asks for a range that there is", async () => {
    const hook = (await make()).body;
    const head = await headOf(space);
    for (const body of [
      { fromPosition: head + 1 },
      { fromPosition: 1, toPosition: head + 9 },
      { fromPosition: 3, toPosition: 2 },
    ])
      expectRefusal(await space.ask("POST", `webhooks/${hook.id}/replay`, { body }), 422, "replay-range");
    expectRefusal(await space.ask("GET", `webhooks/${hook.id}/replays/${"0".repeat(24)}`), 404, "job-missing");
  });
});

describe("where it may lead", () => {
  const control = (): string => stackHere().control;
  const know = (name: string, addresses: readonly string[]) =>
    fetch(`${control()}/names/${name}`, { method: "PUT", body: JSON.stringify({ addresses }) });

  test.each([
    "http://example.com/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "not a url",
    "https://user:pass@93.184.216.34/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://192.168.1.1/",
    "https://0.0.0.0/",
    "https://255.255.255.255/",
    "https://224.0.0.1/",
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://2130706433x/",
    "https://167772161/",
    "https://0x0a000001/",
    "https://012.0.0.1/",
    "https://10.1/",
    "https://[::]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:93.184.216.34]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:0a00:0001::]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[2001:db8::1]/",
    "https://[2001::1]/",
    "https://intranet/",
    "https://intranet./",
    "https://db.internal/",
    "https://printer.local/",
    "https://router.home.arpa/",
    "https://a.test/",
    "https://a.invalid/",
    "https://a.onion/",
    "https://metadata.LOCALHOST/",
    "http://0.0.0.0:1/",
    "http://[::]:1/",
    "http://[::ffff:127.0.0.1]:1/",
  ])("not to %s", async (url) => {
    expectRefusal(await make({ url }), 422, "url-not-allowed", { pointer: "/url" });
  });

  test.each([
    "https://93.184.216.34/",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/",
    "https://nobody-knows.example/",
    "http://127.0.0.1:1/",
    "http://localhost:1/",
  ])("to %s", async (url) => {
    expect((await make({ url, enabled: false })).status).toBe(201);
  });

  test("not to a name that resolves to a private address, at creation, at a change and at sending", async () => {
    await know("good.example", ["93.184.216.34", "10.0.0.7"]);
    expectRefusal(await make({ url: "https://good.example/" }), 422, "url-not-allowed");
    await know("good.example", ["fd00::1"]);
    expectRefusal(await make({ url: "https://good.example/" }), 422, "url-not-allowed");
    await know("good.example", ["93.184.216.34"]);
    const hook = (await make({ url: "https://good.example/" })).body;
    await know("bad.example", ["127.0.0.1"]);
    expectRefusal(
      await space.ask("PATCH", `webhooks/${hook.id}`, { body: { url: "https://bad.example/" } }),
      422,
      "url-not-allowed",
    );
    // The name changes its mind.
    await know("good.example", ["169.254.169.254"]);
    await space.must("POST", `webhooks/${hook.id}/test`);
    const tried = async () => (await space.must("GET", `webhooks/${hook.id}/deliveries`)).body.data[0]?.attempts[0];
    await until("it was tried", async () => (await tried()) !== undefined);
    expect(await tried()).toMatchObject({
      status: null,
      response: null,
      error: expect.stringMatching(/^url-not-allowed: .*169\.254\.169\.254/),
    });
  }, 60_000);
});
