// Entries: what each operation answers, what it changes, and what it leaves alone.
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, makeSpace, makeTypes, type Space } from "../support/client.ts";
import { all } from "../support/lanes.ts";
import { expectRefusal, headOf, witnessed } from "../support/witness.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let space: Space;
let writer: string;
let made = 0;
const fresh = (): string => `e${++made}`;
const name = (en: string, fr?: string) => ({ en, ...(fr === undefined ? {} : { fr }) });
const city = (fields: object = {}, more: object = {}) => ({
  type: "city",
  fields: { name: name("Paris"), ...fields },
  ...more,
});
const put = (id: string, fields: object = {}, more: object = {}): Promise<Answer> =>
  space.must("PUT", `entries/${id}`, { body: city(fields, more) });
const etagOf = (answer: Answer): string => answer.headers.get("etag") ?? "none";
const summary = ({ body: { status, version, publishedVersion } }: Answer) => [status, version, publishedVersion];

/** Takes no position, and changes nothing that the entry shows. */
async function changesNothing(id: string, work: () => Promise<unknown>): Promise<void> {
  const before = await space.must("GET", `entries/${id}`);
  await work();
  const after = await space.must("GET", `entries/${id}`);
  expect(after.body).toEqual(before.body);
  expect([etagOf(after), after.position]).toEqual([etagOf(before), before.position]);
}

beforeAll(async () => {
  space = witnessed(await makeSpace({ publicRead: false }));
  await makeTypes(space);
  await space.must("PUT", "types/strict", {
    body: { name: "Strict", requireIfMatch: true, schema: { type: "object", properties: { a: {} } } },
  });
  writer = await space.keyWith(["content:write"]);
});

describe("POST entries", () => {
  test("a draft: everything that it shows", async () => {
    const before = await headOf(space);
    const answer = await space.ask("POST", "entries", { body: city() });
    const { id } = answer.body;
    expect(answer.status).toBe(201);
    expect(answer.position).toBe(before + 1);
    expect(answer.headers.get("location")).toBe(`/v1/spaces/${space.id}/entries/${id}`);
    expect(answer.headers.get("cache-control")).toBe("private, no-store");
    expect(id).toMatch(UUID_V7);
    const actor = `key:${space.key.split("_")[1]}`;
    expect(answer.body).toEqual({
      id,
      type: "city",
      slug: null,
      status: "draft",
      fields: { name: { en: "Paris" } },
      version: 1,
      publishedVersion: null,
      createdAt: expect.stringMatching(TIME),
      updatedAt: answer.body.createdAt,
      publishedAt: null,
      createdBy: actor,
      updatedBy: actor,
    });
    const read = await space.must("GET", `entries/${id}`);
    expect(read.body).toEqual(answer.body);
    expect(etagOf(read)).toBe(etagOf(answer));
    expect(Math.abs(Date.parse(answer.body.createdAt) - Date.now())).toBeLessThan(60_000);
  });

  test("published at once: two positions, one time", async () => {
    const before = await headOf(space);
    const answer = await space.ask("POST", "entries", { body: city({}, { id: fresh(), publish: true }) });
    expect([answer.status, answer.position, ...summary(answer)]).toEqual([201, before + 2, "published", 1, 1]);
    expect(answer.body.publishedAt).toMatch(TIME);
    expect(Date.parse(answer.body.publishedAt)).toBeGreaterThanOrEqual(Date.parse(answer.body.createdAt));
    expect((await space.must("GET", `entries/${answer.body.id}`)).body).toEqual(answer.body);
  });

  test("publishing needs the scope for it, and nothing is written without", async () => {
    const before = await headOf(space);
    const id = fresh();
    expectRefusal(
      await space.ask("POST", "entries", { body: city({}, { id, publish: true }), key: writer }),
      403,
      "scope-missing",
    );
    expect((await space.ask("GET", `entries/${id}`)).status).toBe(404);
    expect(await headOf(space)).toBe(before);
    expect((await space.ask("POST", "entries", { body: city({}, { id, publish: false }), key: writer })).status).toBe(
      201,
    );
  });

  test("generated ids rise, so that they sort by time", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      ids.push((await space.must("POST", "entries", { body: city() })).body.id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(ids.toSorted()).toEqual(ids);
  });

  test("an id that is taken, by an entry of any type", async () => {
    const id = fresh();
    await put(id);
    await changesNothing(id, async () => {
      expectRefusal(await space.ask("POST", "entries", { body: city({}, { id }) }), 409, "entry-exists");
      expectRefusal(
        await space.ask("POST", "entries", { body: { type: "country", id, fields: { name: name("x") } } }),
        409,
        "entry-exists",
      );
    });
  });
});

describe("slugs", () => {
  test("are unique within the type, over drafts and published versions", async () => {
    const id = fresh();
    await put(id, {}, { slug: "first" });
    await space.must("POST", `entries/${id}/publish`);
    await put(id, {}, { slug: "second" });
    for (const slug of ["first", "second"]) {
      expectRefusal(await space.ask("POST", "entries", { body: city({}, { slug }) }), 409, "slug-taken");
      expectRefusal(await space.ask("PUT", `entries/${fresh()}`, { body: city({}, { slug }) }), 409, "slug-taken");
    }
    const other = fresh();
    await put(other);
    expectRefusal(await space.ask("PATCH", `entries/${other}`, { body: { slug: "first" } }), 409, "slug-taken");
    expect(
      (await space.ask("POST", "entries", { body: { type: "country", slug: "first", fields: { name: name("x") } } }))
        .status,
    ).toBe(201);
    // Published under the second, nothing holds the first any more.
    await space.must("POST", `entries/${id}/publish`);
    expect((await space.ask("PATCH", `entries/${other}`, { body: { slug: "first" } })).status).toBe(200);
  });

  test("are given back when they are removed, withdrawn or deleted", async () => {
    const [one, two] = [fresh(), fresh()];
    const take = async (): Promise<number> => {
      const answer = await space.ask("POST", "entries", { body: city({}, { slug: "wanted", id: two }) });
      if (answer.status === 201) await space.must("DELETE", `entries/${two}`);
      return answer.status;
    };
    await put(one, {}, { slug: "wanted" });
    expect(await take()).toBe(409);
    await put(one);
    expect(await take()).toBe(201);
    await put(one, {}, { slug: "wanted" });
    await space.must("POST", `entries/${one}/publish`);
    await space.must("PATCH", `entries/${one}`, { body: { slug: null } });
    expect(await take()).toBe(409);
    await space.must("POST", `entries/${one}/unpublish`);
    expect(await take()).toBe(201);
    await put(one, {}, { slug: "wanted" });
    await space.must("POST", `entries/${one}/archive`);
    expect(await take()).toBe(409);
    await space.must("DELETE", `entries/${one}`);
    expect(await take()).toBe(201);
  });

  test("and ids name entries of one type alike", async () => {
    const [id, slug] = [fresh(), "named-so"];
    await put(id, {}, { slug });
    expectRefusal(await space.ask("POST", "entries", { body: city({}, { id: slug }) }), 409, "slug-taken");
    expectRefusal(await space.ask("PUT", `entries/${slug}`, { body: city() }), 409, "slug-taken");
    expectRefusal(await space.ask("POST", "entries", { body: city({}, { slug: id }) }), 409, "slug-taken");
    const own = fresh();
    expect((await space.ask("POST", "entries", { body: city({}, { id: own, slug: own }) })).status).toBe(201);
    const foreign = await space.ask("POST", "entries", {
      body: { type: "country", id: slug, slug: id, fields: { name: name("x") } },
    });
    expect([201, 409]).toContain(foreign.status);
    expect(foreign.status).toBe(201);
  });
});

describe("GET entries/{id}", () => {
  test("nothing changed since: 304 without a body, with the same headers", async () => {
    const id = fresh();
    await put(id);
    const read = await space.must("GET", `entries/${id}`);
    for (const tag of [etagOf(read), `W/${etagOf(read)}`, `"x", ${etagOf(read)}`, "*"]) {
      const again = await space.ask("GET", `entries/${id}`, { headers: { "if-none-match": tag } });
      expect([tag, again.status, again.text]).toEqual([tag, 304, ""]);
      for (const header of ["etag", "cache-control", "meridian-position", "meridian-source"])
        expect(again.headers.get(header)).toBe(read.headers.get(header));
    }
    expect((await space.ask("GET", `entries/${id}`, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
    await put(id, { note: "changed" });
    expect((await space.ask("GET", `entries/${id}`, { headers: { "if-none-match": etagOf(read) } })).status).toBe(200);
  });

  test("comes from the primary, at its head", async () => {
    const id = fresh();
    const { position } = await put(id);
    const read = await space.must("GET", `entries/${id}`, { headers: { "meridian-at-least": String(position) } });
    expect([read.headers.get("meridian-source"), read.position]).toEqual(["us-primary", position]);
    expectRefusal(
      await space.ask("GET", `entries/${id}`, { headers: { "meridian-at-least": String(position + 1) } }),
      503,
      "position-not-reached",
    );
  });

  test("an absent one says at which position it is", async () => {
    const answer = await space.ask("GET", "entries/nowhere");
    expectRefusal(answer, 404, "entry-missing");
    expect(answer.position).toBe(await headOf(space));
  });
});

describe("PUT entries/{id}", () => {
  test("creates, then replaces", async () => {
    const id = fresh();
    const created = await space.ask("PUT", `entries/${id}`, { body: city({ note: "a" }, { slug: `s-${id}` }) });
    expect([created.status, created.headers.get("location")]).toEqual([201, `/v1/spaces/${space.id}/entries/${id}`]);
    const replaced = await space.ask("PUT", `entries/${id}`, { body: city({ population: 1 }) });
    expect([replaced.status, replaced.position, ...summary(replaced)]).toEqual([
      200,
      created.position + 1,
      "draft",
      2,
      null,
    ]);
    // What is left out is removed: fields and slug alike.
    expect(replaced.body).toMatchObject({
      slug: null,
      fields: { name: { en: "Paris" }, population: 1 },
      createdAt: created.body.createdAt,
    });
    expect(replaced.body.fields.note).toBeUndefined();
    expect(replaced.headers.get("location")).toBeNull();
    expect(etagOf(replaced)).not.toBe(etagOf(created));
    expect(Date.parse(replaced.body.updatedAt)).toBeGreaterThanOrEqual(Date.parse(created.body.updatedAt));
  });

  test("an equal draft, however it is written, changes nothing", async () => {
    const id = fresh();
    const first = await put(id, { population: 100, tags: ["a"], note: "x" }, { slug: `s-${id}` });
    await changesNothing(id, async () => {
      const raw = `{ "slug": "s-${id}", "fields": {"note":"\\u0078", "tags":["a"], "population":1e2, "name":{"en":"Paris"}}, "type":"city" }`;
      const again = await space.ask("PUT", `entries/${id}`, { raw });
      expect([again.status, again.position, etagOf(again)]).toEqual([200, first.position, etagOf(first)]);
    });
  });

  test("of another type is refused", async () => {
    const id = fresh();
    await put(id);
    await changesNothing(id, async () =>
      expectRefusal(
        await space.ask("PUT", `entries/${id}`, { body: { type: "country", fields: { name: name("x") } } }),
        409,
        "type-mismatch",
        { pointer: "/type" },
      ),
    );
  });

  test("If-None-Match: * creates only", async () => {
    const id = fresh();
    const only = { "if-none-match": "*" };
    expect((await space.ask("PUT", `entries/${id}`, { body: city(), headers: only })).status).toBe(201);
    await changesNothing(id, async () =>
      expectRefusal(
        await space.ask("PUT", `entries/${id}`, { body: city({ note: "no" }), headers: only }),
        412,
        "precondition-failed",
      ),
    );
    await space.must("DELETE", `entries/${id}`);
    expect((await space.ask("PUT", `entries/${id}`, { body: city(), headers: only })).status).toBe(201);
  });

  test("If-Match replaces only, and only what was read", async () => {
    const id = fresh();
    for (const tag of ["*", '"1.1"'])
      expectRefusal(
        await space.ask("PUT", `entries/${id}`, { body: city(), headers: { "if-match": tag } }),
        412,
        "precondition-failed",
      );
    const first = await put(id);
    const second = await put(id, { note: "b" });
    await changesNothing(id, () =>
      all([etagOf(first), '"0.0"', `W/${etagOf(second)}`, etagOf(second).replace('"', '"0')], async (tag) =>
        expectRefusal(
          await space.ask("PUT", `entries/${id}`, { body: city({ note: "c" }), headers: { "if-match": tag } }),
          412,
          "precondition-failed",
        ),
      ),
    );
    expect(
      (
        await space.ask("PUT", `entries/${id}`, {
          body: city({ note: "c" }),
          headers: { "if-match": `"x", ${etagOf(second)}` },
        })
      ).status,
    ).toBe(200);
    expect(
      (await space.ask("PUT", `entries/${id}`, { body: city({ note: "d" }), headers: { "if-match": "*" } })).status,
    ).toBe(200);
  });

  test("over what is published leaves readers what they have", async () => {
    const id = fresh();
    await put(id);
    const published = await space.must("POST", `entries/${id}/publish`);
    const changed = await put(id, { note: "later" });
    expect(summary(changed)).toEqual(["changed", 2, 1]);
    expect(changed.body.publishedAt).toBe(published.body.publishedAt);
    // Back to what it was is still another state.
    expect(summary(await put(id))).toEqual(["changed", 3, 1]);
    expect(summary(await space.must("POST", `entries/${id}/publish`))).toEqual(["published", 3, 3]);
  });
});

describe("PATCH entries/{id}", () => {
  // RFC 7396, appendix A, where both sides are objects; the target is a field that takes anything.
  const cases: readonly (readonly [string, string, string])[] = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', "{}"],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['{"e":null}', '{"a":1}', '{"a":1,"e":null}'],
    ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
    ['{"a":"text"}', '{"a":{"b":1,"c":null}}', '{"a":{"b":1}}'],
    ['{"a":[1,null]}', '{"b":[null,{"c":null}]}', '{"a":[1,null],"b":[null,{"c":null}]}'],
    ['{"a":{"b":1}}', '{"a":[]}', '{"a":[]}'],
    ['{"a":1}', '{"toString":null,"constructor":{"a":1}}', '{"a":1,"constructor":{"a":1}}'],
  ];

  test("merges as RFC 7396 asks", async () => {
    await space.must("PUT", "types/any", {
      body: { name: "Any", schema: { type: "object", properties: { any: {} } } },
    });
    await all(cases, async ([target, patch, wanted]) => {
      const id = fresh();
      await space.must("PUT", `entries/${id}`, { raw: `{"type":"any","fields":{"any":${target}}}` });
      const patched = await space.ask("PATCH", `entries/${id}`, { raw: `{"fields":{"any":${patch}}}` });
      expect(patched.body.fields.any, patched.text).toEqual(JSON.parse(wanted));
    });
  });

  test("fields, locales and the slug, each by itself", async () => {
    const id = fresh();
    await put(id, { note: "n", population: 5 }, { slug: `s-${id}` });
    const translated = await space.must("PATCH", `entries/${id}`, { body: { fields: { name: { fr: "Lutèce" } } } });
    expect(translated.body).toMatchObject({
      slug: `s-${id}`,
      version: 2,
      fields: { name: { en: "Paris", fr: "Lutèce" }, note: "n", population: 5 },
    });
    const removed = await space.must("PATCH", `entries/${id}`, {
      body: { slug: null, fields: { note: null, name: { fr: null } } },
    });
    expect(removed.body).toMatchObject({ slug: null, version: 3, fields: { name: { en: "Paris" }, population: 5 } });
    expect(Object.keys(removed.body.fields).sort()).toEqual(["name", "population"]);
    const slugged = await space.must("PATCH", `entries/${id}`, { body: { slug: `t-${id}` } });
    expect(slugged.body).toMatchObject({ slug: `t-${id}`, version: 4 });
  });

  test("that changes nothing takes no position", async () => {
    const id = fresh();
    const first = await put(id, { note: "n" }, { slug: `s-${id}` });
    await changesNothing(id, () =>
      all<object>(
        [
          {},
          { fields: {} },
          { slug: `s-${id}` },
          { fields: { note: "n" } },
          { fields: { tags: null } },
          { fields: { name: {} } },
          { fields: { name: { fr: null } } },
        ],
        async (body) => {
          const answer = await space.ask("PATCH", `entries/${id}`, { body });
          expect([answer.status, answer.position, etagOf(answer)], JSON.stringify(body)).toEqual([
            200,
            first.position,
            etagOf(first),
          ]);
        },
      ),
    );
  });

  test("the result is judged, not the patch", async () => {
    const id = fresh();
    await put(id);
    await changesNothing(id, async () => {
      expectRefusal(
        await space.ask("PATCH", `entries/${id}`, { body: { fields: { name: null } } }),
        422,
        "schema-violation",
        { pointer: "/fields/name" },
      );
      expectRefusal(
        await space.ask("PATCH", `entries/${id}`, { body: { fields: { name: { en: null } } } }),
        422,
        "schema-violation",
        { pointer: "/fields/name" },
      );
    });
  });
});

describe("publish and unpublish", () => {
  test("leave the version, and take one position each", async () => {
    const id = fresh();
    const draft = await put(id);
    const published = await space.ask("POST", `entries/${id}/publish`);
    expect([published.status, published.position, ...summary(published)]).toEqual([
      200,
      draft.position + 1,
      "published",
      1,
      1,
    ]);
    expect(etagOf(published)).not.toBe(etagOf(draft));
    expect(published.body.updatedAt).toBe(draft.body.updatedAt);
    const withdrawn = await space.ask("POST", `entries/${id}/unpublish`);
    expect([withdrawn.status, withdrawn.position, ...summary(withdrawn)]).toEqual([
      200,
      draft.position + 2,
      "draft",
      1,
      null,
    ]);
    expect(withdrawn.body.publishedAt).toBeNull();
  });

  test("again: nothing changes", async () => {
    const id = fresh();
    await put(id);
    await changesNothing(id, async () => expect((await space.ask("POST", `entries/${id}/unpublish`)).status).toBe(200));
    const first = await space.must("POST", `entries/${id}/publish`);
    await changesNothing(id, async () => {
      const again = await space.ask("POST", `entries/${id}/publish`);
      expect([again.status, again.position, etagOf(again)]).toEqual([200, first.position, etagOf(first)]);
    });
  });

  test("take no body, or an empty one, of whatever type", async () => {
    const id = fresh();
    await put(id);
    for (const sent of [
      {},
      { raw: "{}" },
      { raw: " {} ", headers: { "content-type": "text/plain" } },
      { body: {}, headers: { "content-type": "application/json" } },
    ])
      for (const action of ["publish", "unpublish"])
        expect((await space.ask("POST", `entries/${id}/${action}`, sent)).status).toBe(200);
  });
});

describe("archive and unarchive", () => {
  test("what is published is withdrawn by the same event", async () => {
    const id = fresh();
    await put(id);
    const published = await space.must("POST", `entries/${id}/publish`);
    const archived = await space.ask("POST", `entries/${id}/archive`);
    expect([archived.status, archived.position, ...summary(archived)]).toEqual([
      200,
      published.position + 1,
      "archived",
      1,
      null,
    ]);
    expect(archived.body.publishedAt).toBeNull();
    const back = await space.ask("POST", `entries/${id}/unarchive`);
    expect([back.status, back.position, ...summary(back)]).toEqual([200, archived.position + 1, "draft", 1, null]);
    await changesNothing(id, async () => expect((await space.ask("POST", `entries/${id}/unarchive`)).status).toBe(200));
  });

  test("an archived entry allows reading, unarchiving and deleting, and nothing else", async () => {
    const id = fresh();
    await put(id);
    await space.must("POST", `entries/${id}/archive`);
    await changesNothing(id, async () => {
      expectRefusal(await space.ask("PUT", `entries/${id}`, { body: city({ note: "x" }) }), 409, "entry-archived");
      expectRefusal(await space.ask("PUT", `entries/${id}`, { body: city() }), 409, "entry-archived");
      expectRefusal(
        await space.ask("PATCH", `entries/${id}`, { body: { fields: { note: "x" } } }),
        409,
        "entry-archived",
      );
      for (const action of ["publish", "unpublish", "archive"])
        expectRefusal(await space.ask("POST", `entries/${id}/${action}`), 409, "entry-archived");
      expectRefusal(await space.ask("POST", "entries", { body: city({}, { id }) }), 409, "entry-exists");
    });
    expect((await space.ask("DELETE", `entries/${id}`)).status).toBe(204);
  });

  test("withdrawing needs the scope to publish", async () => {
    const id = fresh();
    await put(id);
    await space.must("POST", `entries/${id}/publish`);
    await changesNothing(id, async () => {
      expectRefusal(await space.ask("POST", `entries/${id}/archive`, { key: writer }), 403, "scope-missing");
      expectRefusal(await space.ask("DELETE", `entries/${id}`, { key: writer }), 403, "scope-missing");
    });
    await space.must("POST", `entries/${id}/unpublish`);
    expect((await space.ask("POST", `entries/${id}/archive`, { key: writer })).status).toBe(200);
    expect((await space.ask("DELETE", `entries/${id}`, { key: writer })).status).toBe(204);
  });
});

describe("DELETE entries/{id}", () => {
  test("leaves nothing, and its id goes on counting", async () => {
    const id = fresh();
    await put(id);
    const second = await put(id, { note: "b" });
    await space.must("POST", `entries/${id}/publish`);
    const deleted = await space.ask("DELETE", `entries/${id}`);
    expect([deleted.status, deleted.text, deleted.position]).toEqual([204, "", second.position + 2]);
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/publish"],
      ["POST", "/unpublish"],
      ["POST", "/archive"],
      ["POST", "/unarchive"],
    ] as const)
      expectRefusal(await space.ask(method, `entries/${id}${path}`), 404, "entry-missing");
    expectRefusal(await space.ask("PATCH", `entries/${id}`, { body: {} }), 404, "entry-missing");
    const again = await space.ask("POST", "entries", {
      body: { type: "country", id, fields: { name: name("Reborn") } },
    });
    expect([again.status, ...summary(again)]).toEqual([201, "draft", 3, null]);
    expect(etagOf(again)).not.toBe(etagOf(second));
    const once = await space.ask("PUT", `entries/${id}`, {
      body: { type: "country", fields: { name: name("Reborn"), region: "x" } },
      headers: { "if-match": etagOf(second) },
    });
    expectRefusal(once, 412, "precondition-failed");
  });

  test("what others refer to stays, unless forced", async () => {
    const [target, referrer] = [fresh(), fresh()];
    await space.must("PUT", `entries/${target}`, { body: { type: "country", fields: { name: name("There") } } });
    await put(referrer, { country: target });
    const refused = async () =>
      changesNothing(target, async () =>
        expectRefusal(await space.ask("DELETE", `entries/${target}`), 409, "entry-referenced"),
      );
    await refused();
    expectRefusal(await space.ask("DELETE", `entries/${target}?force=false`), 409, "entry-referenced");
    for (const force of ["", "yes", "TRUE", "1"])
      expectRefusal(await space.ask("DELETE", `entries/${target}?force=${force}`), 400, "invalid-parameter", {
        parameter: "force",
      });
    await space.must("POST", `entries/${target}/publish`);
    await space.must("POST", `entries/${referrer}/publish`);
    // The draft refers to nothing any more; what is published still does.
    await put(referrer);
    await refused();
    await space.must("POST", `entries/${referrer}/publish`);
    expect((await space.ask("DELETE", `entries/${target}`)).status).toBe(204);
    await space.must("PUT", `entries/${target}`, { body: { type: "country", fields: { name: name("There") } } });
    await put(referrer, { country: target });
    expect((await space.ask("DELETE", `entries/${target}?force=true`)).status).toBe(204);
    // A reference to nothing is a draft's affair.
    expect((await space.must("GET", `entries/${referrer}`)).body.fields.country).toBe(target);
  });

  test("what only refers to itself can go", async () => {
    const id = fresh();
    await space.must("PUT", `entries/${id}`, {
      body: { type: "country", fields: { name: name("Self"), borders: [id] } },
    });
    await space.must("POST", `entries/${id}/publish`);
    expect((await space.ask("DELETE", `entries/${id}`)).status).toBe(204);
  });

  test("an archived referrer still refers", async () => {
    const [target, referrer] = [fresh(), fresh()];
    await space.must("PUT", `entries/${target}`, { body: { type: "country", fields: { name: name("There") } } });
    await put(referrer, { country: target });
    await space.must("POST", `entries/${referrer}/archive`);
    expectRefusal(await space.ask("DELETE", `entries/${target}`), 409, "entry-referenced");
  });
});

describe("conditions on everything that changes", () => {
  const actions = ["publish", "unpublish", "archive", "unarchive"] as const;

  test("If-Match on actions and DELETE", async () => {
    const id = fresh();
    const first = await put(id);
    const second = await put(id, { note: "b" });
    await changesNothing(id, async () => {
      for (const action of actions)
        expectRefusal(
          await space.ask("POST", `entries/${id}/${action}`, { headers: { "if-match": etagOf(first) } }),
          412,
          "precondition-failed",
        );
      expectRefusal(
        await space.ask("DELETE", `entries/${id}`, { headers: { "if-match": etagOf(first) } }),
        412,
        "precondition-failed",
      );
      expectRefusal(
        await space.ask("PATCH", `entries/${id}`, { body: {}, headers: { "if-match": etagOf(first) } }),
        412,
        "precondition-failed",
      );
    });
    let { etag }: { etag: string } = { etag: etagOf(second) };
    for (const action of actions)
      etag = etagOf(await space.must("POST", `entries/${id}/${action}`, { headers: { "if-match": etag } }));
    expect((await space.ask("DELETE", `entries/${id}`, { headers: { "if-match": etag } })).status).toBe(204);
  });

  test("a type that requires If-Match: 428 without, on everything but creation", async () => {
    const id = fresh();
    const body = { type: "strict", fields: { a: 1 } };
    const created = await space.ask("PUT", `entries/${id}`, { body });
    expect(created.status).toBe(201);
    await changesNothing(id, async () => {
      expectRefusal(
        await space.ask("PUT", `entries/${id}`, { body: { ...body, fields: { a: 2 } } }),
        428,
        "precondition-required",
      );
      expectRefusal(
        await space.ask("PATCH", `entries/${id}`, { body: { fields: { a: 2 } } }),
        428,
        "precondition-required",
      );
      for (const action of actions)
        expectRefusal(await space.ask("POST", `entries/${id}/${action}`), 428, "precondition-required");
      expectRefusal(await space.ask("DELETE", `entries/${id}`), 428, "precondition-required");
      expectRefusal(
        await space.ask("PUT", `entries/${id}`, { body, headers: { "if-match": '"0.0"' } }),
        412,
        "precondition-failed",
      );
    });
    const changed = await space.must("PUT", `entries/${id}`, {
      body: { ...body, fields: { a: 2 } },
      headers: { "if-match": etagOf(created) },
    });
    const published = await space.must("POST", `entries/${id}/publish`, { headers: { "if-match": etagOf(changed) } });
    expect((await space.ask("DELETE", `entries/${id}`, { headers: { "if-match": etagOf(published) } })).status).toBe(
      204,
    );
  });
});

describe("idempotency", () => {
  const keyed = (key: string) => ({ headers: { "idempotency-key": key } });

  test("every write is done once, and answers the same again", async () => {
    const id = fresh();
    const writes = [
      ["POST", "entries", city({}, { id, slug: `s-${id}` })],
      ["PATCH", `entries/${id}`, { fields: { note: "b" } }],
      ["PUT", `entries/${id}`, city({ note: "c" })],
      ["POST", `entries/${id}/publish`, undefined],
      ["POST", `entries/${id}/unpublish`, undefined],
      ["POST", `entries/${id}/archive`, undefined],
      ["POST", `entries/${id}/unarchive`, undefined],
      ["DELETE", `entries/${id}`, undefined],
    ] as const;
    for (const [i, [method, path, body]] of writes.entries()) {
      const sent = { ...(body === undefined ? {} : { body }), ...keyed(`once-${id}-${i}`) };
      const first = await space.ask(method, path, sent);
      expect(first.status, first.text).toBeLessThan(300);
      expect(first.headers.get("idempotency-replayed")).toBeNull();
      const again = await space.ask(method, path, sent);
      expect([again.status, again.text, again.position], path).toEqual([first.status, first.text, first.position]);
      for (const header of ["etag", "location", "content-type"])
        expect(again.headers.get(header), header).toBe(first.headers.get(header));
      expect(again.headers.get("idempotency-replayed")).toBe("true");
      expect(again.headers.get("request-id")).not.toBe(first.headers.get("request-id"));
    }
    // Long after the entry is gone, the first answer still stands.
    const replay = await space.ask("POST", "entries", {
      body: city({}, { id, slug: `s-${id}` }),
      ...keyed(`once-${id}-0`),
    });
    expect([replay.status, replay.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
  });

  test("the same request is one that means the same; anything else is refused", async () => {
    const id = fresh();
    const first = await space.must("POST", "entries", {
      raw: `{"type":"city","id":"${id}","fields":{"name":{"en":"P"},"population":100}}`,
      ...keyed("same"),
    });
    const same = await space.ask("POST", "entries", {
      raw: ` {"fields":{"population":1e2,"name":{"en":"\\u0050"}},"id":"${id}","type":"city"}`,
      ...keyed('"same"'),
    });
    expect([same.status, same.headers.get("idempotency-replayed"), same.text]).toEqual([201, "true", first.text]);
    const others = [
      ["POST", "entries", city({}, { id })],
      ["PUT", `entries/${id}`, city()],
      ["POST", `entries/${id}/publish`, undefined],
      ["DELETE", `entries/${id}`, undefined],
      ["DELETE", `entries/${id}?force=true`, undefined],
    ] as const;
    await changesNothing(id, () =>
      all(others, async ([method, path, body]) =>
        expectRefusal(
          await space.ask(method, path, { ...(body === undefined ? {} : { body }), ...keyed("same") }),
          422,
          "idempotency-key-reused",
        ),
      ),
    );
    // Another credential's keys are its own.
    expect(
      (
        await space.ask("POST", "entries", { body: city({}, { id: fresh() }), key: writer, ...keyed("same") })
      ).headers.get("idempotency-replayed"),
    ).toBeNull();
  });

  test("a refusal is judged anew", async () => {
    const [id, target] = [fresh(), fresh()];
    await put(id, { country: target });
    expectRefusal(await space.ask("POST", `entries/${id}/publish`, keyed(`anew-${id}`)), 422, "reference-missing");
    await space.must("PUT", `entries/${target}`, { body: { type: "country", fields: { name: name("x") } } });
    const answer = await space.ask("POST", `entries/${id}/publish`, keyed(`anew-${id}`));
    expect([answer.status, answer.headers.get("idempotency-replayed")]).toEqual([200, null]);
  });

  test("a write that changed nothing kept nothing", async () => {
    const id = fresh();
    await put(id);
    await space.must("POST", `entries/${id}/unpublish`, keyed(`noop-${id}`));
    await space.must("POST", `entries/${id}/publish`);
    const later = await space.ask("POST", `entries/${id}/unpublish`, keyed(`noop-${id}`));
    expect([later.status, later.body.status, later.headers.get("idempotency-replayed")]).toEqual([200, "draft", null]);
  });
});

describe("GET entries?type=", () => {
  let listed: Space;
  const ids = ["a1", "a2", "a3", "a4", "a5"];

  beforeAll(async () => {
    listed = witnessed(await makeSpace({ publicRead: false }));
    await makeTypes(listed);
    await all(ids, (id) =>
      listed.must("PUT", `entries/${id}`, {
        body: city({ population: Number(id.slice(1)) * 10, name: name(id, `${id}-fr`) }),
      }),
    );
    await listed.must("POST", "entries/a1/publish");
    await listed.must("POST", "entries/a2/publish");
    await listed.must("PATCH", "entries/a2", { body: { fields: { note: "changed" } } });
    await listed.must("POST", "entries/a3/archive");
  });

  test("latest drafts of every status, with all locales, as single reads show them", async () => {
    const list = await listed.must("GET", "entries?type=city&sort=id");
    expect(list.body.data.map((each: { id: string; status: string }) => [each.id, each.status])).toEqual([
      ["a1", "published"],
      ["a2", "changed"],
      ["a3", "archived"],
      ["a4", "draft"],
      ["a5", "draft"],
    ]);
    expect(list.body.page).toEqual({ next: null, size: 5, at: list.position });
    for (const each of list.body.data) expect(each).toEqual((await listed.must("GET", `entries/${each.id}`)).body);
    expect(list.headers.get("etag")).toMatch(/^W\//);
    expect(
      (
        await listed.ask("GET", "entries?type=city&sort=id", {
          headers: { "if-none-match": list.headers.get("etag") ?? "" },
        })
      ).status,
    ).toBe(304);
  });

  test("filters, status among them, sorts and pages", async () => {
    const of = async (query: string) =>
      (await listed.must("GET", `entries?type=city&${query}`)).body.data.map(({ id }: { id: string }) => id);
    expect(await of("filter[status]=draft&sort=id")).toEqual(["a4", "a5"]);
    expect(await of("filter[status][in]=published,changed&sort=id")).toEqual(["a1", "a2"]);
    expect(await of("filter[population][gte]=30&sort=-population")).toEqual(["a5", "a4", "a3"]);
    const seen: string[] = [];
    let cursor = "";
    for (let pages = 0; pages < 10; pages += 1) {
      const page = await listed.must("GET", `entries?type=city&limit=2&sort=-population${cursor}`);
      seen.push(...page.body.data.map(({ id }: { id: string }) => id));
      if (page.body.page.next === null) break;
      cursor = `&cursor=${encodeURIComponent(page.body.page.next)}`;
    }
    expect(seen).toEqual(ids.toReversed());
  });

  test("what it cannot be asked", async () => {
    expectRefusal(await listed.ask("GET", "entries"), 400, "missing-parameter", { parameter: "type" });
    expectRefusal(await listed.ask("GET", "entries?type=Bad"), 400, "invalid-parameter", { parameter: "type" });
    expectRefusal(await listed.ask("GET", "entries?type=nowhere"), 404, "type-missing");
    expectRefusal(await listed.ask("GET", "entries?type=city&filter[status]=odd"), 400, "invalid-parameter", {
      parameter: "filter[status]",
    });
    expectRefusal(await listed.ask("GET", "entries?type=city&sort=note"), 400, "not-indexed", { parameter: "sort" });
    expectRefusal(await listed.ask("GET", "entries?type=city&perspective=draft"), 400, "unknown-parameter", {
      parameter: "perspective",
    });
  });
});
