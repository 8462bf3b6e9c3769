// Receivers as they are, through the whole system: they refuse, hang, drip, flood, send elsewhere; and one that reads what it was told of.
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, makeSpace, makeTypes, rootKey, type Space, until } from "../support/client.ts";
import { insistent } from "../support/insist.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";

let receiver: Receiver;
let space: Space;
let sql: Sql;
let uid: number;
let hooks = 0;

beforeAll(async () => {
  receiver = await openReceiver();
  sql = await openSql();
  await moveOn();
});
afterAll(async () => {
  await receiver.close();
  await sql.end();
});

/** To a space whose webhooks are only those that follow. */
async function moveOn(): Promise<void> {
  space = insistent(await makeSpace());
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
}

interface Hook {
  readonly id: string;
  readonly path: string;
}
async function hookTo(url: string): Promise<string> {
  return (await space.must("POST", "webhooks", { body: { url, events: ["entry.published"] } })).body.id;
}
async function newHook(): Promise<Hook> {
  hooks += 1;
  const path = `/r${hooks}`;
  return { id: await hookTo(receiver.url(path)), path };
}
const test_ = (id: string) => space.must("POST", `webhooks/${id}/test`);
/** Attempts of the delivery that got most of them, once there are `n`. */
async function attempts(id: string, n = 1) {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert
  let found: any[] = [];
  await until(
    `${n} attempts`,
    async () => {
      const { data } = (await space.must("GET", `webhooks/${id}/deliveries?limit=100`)).body;
      for (const { attempts: made } of data) if (made.length > found.length) found = made;
      return found.length >= n;
    },
    60_000,
  );
  return found;
}
let entries = 0;
async function publish(id = `x${++entries}`): Promise<number> {
  return (
    await space.must("POST", "entries", {
      body: { type: "country", id, fields: { name: { en: id } }, publish: true },
    })
  ).position;
}

describe("what receivers do", () => {
  test("answer 302: not followed", async () => {
    const [hook, target] = [await newHook(), await newHook()];
    receiver.behave(hook.path, { status: 302, headers: { location: receiver.url(target.path) } });
    await test_(hook.id);
    expect((await attempts(hook.id))[0]).toMatchObject({
      status: 302,
      error: "redirect",
      response: { fields: { location: receiver.url(target.path) } },
    });
    expect(receiver.got(target.path)).toEqual([]);
  });

  test("refuse the connection", async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const id = await hookTo(`http://127.0.0.1:${port}/`);
    await test_(id);
    expect((await attempts(id))[0]).toMatchObject({ status: null, error: "connection", response: null });
  });

  test("fail, and are asked again after five seconds with the same id", async () => {
    const hook = await newHook();
    receiver.behave(hook.path, { status: 500, body: "no" });
    await test_(hook.id);
    await attempts(hook.id);
    receiver.behave(hook.path, { status: 204 });
    const [first, second] = await attempts(hook.id, 2);
    expect([first, second]).toMatchObject([
      { status: 500, error: "status", response: { body: "no" } },
      { status: 204, error: null },
    ]);
    const got = receiver.got(hook.path);
    expect(new Set(got.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(Date.parse(second.at) - Date.parse(first.at)).toBeGreaterThanOrEqual(5_000);
  }, 60_000);

  test("answer 410: disabled, and enabled again", async () => {
    const hook = await newHook();
    receiver.behave(hook.path, { status: 410 });
    await test_(hook.id);
    await until("it is disabled", async () => (await space.must("GET", `webhooks/${hook.id}`)).body.enabled === false);
    expect((await space.must("GET", `webhooks/${hook.id}`)).body.disabledReason).toBe("gone");
    receiver.behave(hook.path, { status: 200 });
    const back = await space.must("PATCH", `webhooks/${hook.id}`, { body: { enabled: true } });
    expect(back.body).toMatchObject({ enabled: true, disabledReason: null });
    await publish();
    await until("it is told again", async () => receiver.got(hook.path).length >= 2, 60_000);
  }, 90_000);

  test("answer with a body without end: only its beginning is read, and the connection is left", async () => {
    const hook = await newHook();
    let left = false;
    let written = 0;
    receiver.behave(hook.path, (_, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.on("close", () => {
        left = true;
      });
      const flood = (): void => {
        while (!left && written < 1 << 30) {
          written += 65_536;
          if (!response.write("x".repeat(65_536))) {
            response.once("drain", flood);
            return;
          }
        }
      };
      flood();
    });
    await test_(hook.id);
    const [attempt] = await attempts(hook.id);
    expect(attempt).toMatchObject({ status: 200, error: null });
    expect(attempt.response.body).toBe("x".repeat(1_024));
    await until("the sender hangs up", async () => left);
    expect(written).toBeLessThan(64 << 20);
  }, 60_000);

  test("drip: the status has been said, and the drops are not waited for", async () => {
    const hook = await newHook();
    const timers: NodeJS.Timeout[] = [];
    receiver.behave(hook.path, (_, response) => {
      response.writeHead(200);
      timers.push(setInterval(() => response.write("."), 200));
    });
    await test_(hook.id);
    expect((await attempts(hook.id))[0]).toMatchObject({ status: 200, error: null });
    for (const timer of timers) clearInterval(timer);
  }, 60_000);

  test("say nothing: given up after fifteen seconds, and nobody else waits for them", async () => {
    await moveOn();
    const [silent, good] = [await newHook(), await newHook()];
    const held: (() => void)[] = [];
    receiver.behave(silent.path, (_, response) => void held.push(() => response.end()));
    const told: number[] = [];
    for (let i = 0; i < 12; i += 1) told.push(await publish());
    await until("the others have everything", async () => receiver.got(good.path).length >= told.length, 150_000);
    const done = await space.must("GET", `webhooks/${silent.id}/deliveries?limit=100`);
    // Not one of the silent one's attempts needs to be over for that.
    expect(done.body.data.every(({ status }: { status: string }) => status === "pending")).toBe(true);
    const [attempt] = await attempts(silent.id);
    expect(attempt).toMatchObject({ status: null, error: "timeout" });
    expect(attempt.durationMs).toBeGreaterThanOrEqual(15_000);
    for (const release of held) release();
    await space.must("PATCH", `webhooks/${silent.id}`, { body: { enabled: false } });
  }, 240_000);
});

test("a message that comes while another is being sent to a receiver that says nothing does not wait for that", async () => {
  const silent = await newHook();
  const held: (() => void)[] = [];
  receiver.behave(silent.path, (_, response) => void held.push(() => response.end()));
  await publish();
  await until("the silent one is being asked", async () => held.length > 0, 60_000);
  // Nobody is at work for this one yet: its message has to come out of the queue.
  const good = await newHook();
  const at = await publish();
  await until(
    "the other is told",
    async () => receiver.got(good.path).some(({ body }) => body.position === at),
    60_000,
  );
  expect((await space.must("GET", `webhooks/${silent.id}/deliveries`)).body.data[0].attempts).toEqual([]);
  for (const release of held) release();
  await space.must("PATCH", `webhooks/${silent.id}`, { body: { enabled: false } });
}, 120_000);

test("a receiver that reads on receipt never sees less than it was told", async () => {
  await moveOn();
  const hook = await newHook();
  const seen: { told: number; read: number | undefined }[] = [];
  receiver.behave(hook.path, async (_, response, { body }) => {
    const { id, version } = body.data.entry;
    const read = await ask("GET", `/v1/spaces/${space.id}/content/country/${id}`);
    seen.push({ told: version, read: read.body?.version });
    response.writeHead(200).end();
  });
  const ids = Array.from({ length: 8 }, (_, n) => `seen-${n}`);
  await Promise.all(ids.map((id) => publish(id)));
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(
      ids.map(async (id) => {
        await space.must("PATCH", `entries/${id}`, { body: { fields: { region: `round ${round}` } } });
        await space.must("POST", `entries/${id}/publish`);
      }),
    );
  }
  await until("everything is told", async () => seen.length >= 48, 120_000);
  for (const { told, read } of seen) expect(read).toBeGreaterThanOrEqual(told);
}, 180_000);

describe("dead letters", () => {
  const list = async (query = "") => (await ask("GET", `/v1/dead-letters${query}`, { key: rootKey() })).body;
  const plant = async (id: string, more: Readonly<Record<string, unknown>> = {}) => {
    const row = {
      space: uid,
      queue: "deliveries",
      body: JSON.stringify({ uid, epoch: 1, residency: "us", delivery: "0".repeat(24) }),
      subscriber: null,
      position: null,
      ...more,
    };
    await sql(
      "insert into dead_letters (space, id, at, queue, body, subscriber, position, reason, attempts) values ($1, $2, now(), $3, $4, $5, $6, 'planted', 8)",
      [row.space, id, row.queue, row.body, row.subscriber, row.position],
    );
  };
  const run = Date.now().toString(36);

  test("are listed page by page, of all shards, and counted", async () => {
    const eu = await openSql("eu-primary");
    await plant(`${run}-1`);
    await eu(
      "insert into dead_letters (space, id, at, queue, body, reason, attempts) values (0, $1, now(), 'work', '{\"a\":1}', 'planted', 3)",
      [`${run}-eu`],
    );
    await plant(`${run}-2`);
    const whole = await list("?limit=1000");
    const own = whole.data.filter(({ id }: { id: string }) => id.startsWith(run));
    expect(own.map(({ id }: { id: string }) => id)).toEqual([`${run}-1`, `${run}-eu`, `${run}-2`]);
    expect(own[1]).toMatchObject({
      space: null,
      queue: "work",
      message: { a: 1 },
      reason: "planted",
      attempts: 3,
      stopped: false,
    });
    expect(whole.page.total).toBe(whole.data.length);
    const seen: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await list(`?limit=1${cursor}`);
      seen.push(...page.data.map(({ id }: { id: string }) => id));
      if (page.page.next === null) break;
      cursor = `&cursor=${encodeURIComponent(page.page.next)}`;
    }
    expect(seen).toEqual(whole.data.map(({ id }: { id: string }) => id));
    expect((await ask("GET", "/v1/dead-letters?cursor=x", { key: rootKey() })).body.code).toBe("cursor-invalid");
    await eu.end();
  });

  test("are redriven into their queue, and deleted", async () => {
    const redriven = await ask("POST", `/v1/dead-letters/${run}-1/redrive`, { key: rootKey() });
    expect([redriven.status, redriven.body]).toEqual([202, { id: `${run}-1`, redriven: true }]);
    expect((await ask("DELETE", `/v1/dead-letters/${run}-2`, { key: rootKey() })).status).toBe(204);
    expect((await ask("DELETE", `/v1/dead-letters/${run}-2`, { key: rootKey() })).body.code).toBe(
      "dead-letter-missing",
    );
    expect((await ask("POST", `/v1/dead-letters/${run}-1/redrive`, { key: rootKey() })).body.code).toBe(
      "dead-letter-missing",
    );
    expect((await ask("GET", "/v1/dead-letters", { key: space.key })).status).toBe(403);
    await plant(`${run}-odd`, { queue: "nowhere" });
    expect((await ask("POST", `/v1/dead-letters/${run}-odd/redrive`, { key: rootKey() })).body.code).toBe(
      "queue-missing",
    );
  });

  test("are redriven and deleted once under an Idempotency-Key, and the answer is kept with the effect", async () => {
    const [sent, dropped] = [`${run}-sent`, `${run}-dropped`];
    await plant(sent);
    await plant(dropped);
    const under = (key: string) => ({ key: rootKey(), headers: { "Idempotency-Key": `${run}-${key}` } });
    const asked = [
      { method: "POST", path: `/v1/dead-letters/${sent}/redrive`, key: "redrive", status: 202 },
      { method: "DELETE", path: `/v1/dead-letters/${dropped}`, key: "drop", status: 204 },
    ];
    for (const { method, path, key, status } of asked) {
      const first = await ask(method, path, under(key));
      expect([first.status, first.headers.get("idempotency-replayed")], first.text).toEqual([status, null]);
      const again = await ask(method, path, under(key));
      expect([again.status, again.text, again.headers.get("idempotency-replayed")]).toEqual([
        status,
        first.text,
        "true",
      ]);
      expect((await ask(method, path, { key: rootKey() })).body.code, "without the key it is gone").toBe(
        "dead-letter-missing",
      );
      expect(
        (await ask(method, `/v1/dead-letters/${run}-other${method === "POST" ? "/redrive" : ""}`, under(key))).body
          .code,
      ).toBe("idempotency-key-reused");
    }
    // What was refused is judged anew.
    expect((await ask("DELETE", `/v1/dead-letters/${run}-late`, under("late"))).body.code).toBe("dead-letter-missing");
    await plant(`${run}-late`);
    expect((await ask("DELETE", `/v1/dead-letters/${run}-late`, under("late"))).status).toBe(204);
  });

  test("a message that makes no sense becomes one, and good ones beside it are served", async () => {
    const before = new Set((await list("?limit=1000")).data.map(({ id }: { id: string }) => id));
    // Redriving is the way into a queue from outside.
    await plant(`${run}-poison`, { body: JSON.stringify({ uid, nonsense: true, residency: "us" }) });
    const hook = await newHook();
    await ask("POST", `/v1/dead-letters/${run}-poison/redrive`, { key: rootKey() });
    const at = await publish();
    await until(
      "the good one is served",
      async () => receiver.got(hook.path).some(({ body }) => body.position === at),
      60_000,
    );
    await until(
      "the bad one is kept",
      async () =>
        (await list("?limit=1000")).data.some(
          (one: { id: string; reason: string; space: number }) =>
            !before.has(one.id) && one.reason === "not a message of this queue" && one.space === uid,
        ),
      60_000,
    );
  }, 120_000);

  test("an event that its subscriber stopped at: redriven, the subscriber goes on", async () => {
    const hook = await newHook();
    await until("webhooks have followed", async () => {
      const [row] = await sql(
        "select s.position = h.position as whole from subscribers s join space_head h on h.space = s.space where s.space = $1 and s.subscriber = 'webhooks'",
        [uid],
      );
      return row?.["whole"] === true;
    });
    await sql("update subscribers set stopped_at = now() where space = $1 and subscriber = 'webhooks'", [uid]);
    const at = await publish();
    await plant(`${run}-event`, { queue: "changes", body: null, subscriber: "webhooks", position: at });
    const mine = async () => (await list("?limit=1000")).data.find(({ id }: { id: string }) => id === `${run}-event`);
    expect(await mine()).toMatchObject({ stopped: true, subscriber: "webhooks", position: at, message: null });
    expect(receiver.got(hook.path)).toEqual([]);
    expect((await ask("POST", `/v1/dead-letters/${run}-event/redrive`, { key: rootKey() })).status).toBe(202);
    await until("it is told", async () => receiver.got(hook.path).some(({ body }) => body.position === at), 60_000);
    expect(await mine()).toBeUndefined();
  }, 120_000);
});
