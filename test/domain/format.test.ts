// Golden answers: the bytes that are kept at the edge, made from rows that never change. When they change, so must FORMAT, or a deployment
// would be given the bytes of the one before.
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { quickHash } from "../../src/adapters/noble-hashes/quick-hash.ts";
import { openOrigin } from "../../src/http/edge/origin.ts";
import { questionOf } from "../../src/http/edge/question.ts";
import type { Knowledge } from "../../src/http/knowledge.ts";
import { ROUTES } from "../../src/http/routes.ts";
import { instant } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { ORIGIN, position } from "../../src/kernel/position.ts";
import { ok } from "../../src/kernel/result.ts";
import { openLoad } from "../../src/platform/admission/load.ts";
import type { Row } from "../../src/platform/database/database.ts";
import { encodeKept } from "../../src/platform/edge-cache/kept.ts";
import { FORMAT } from "../../src/platform/edge-cache/key.ts";
import { contentRoutes } from "../support/content-routes.ts";
import { citySearch, country } from "../support/delivery-shapes.ts";

const space = { id: "golden", uid: spaceUid(7), epoch: 2, residency: "us" };
const at = "2026-01-02T03:04:05.678Z";
const facts = { version: 3, created_at: at, updated_at: at, published_at: at };
const paris = {
  ...{ id: "paris", type: "city", slug: "paris-slug", ...facts },
  fields: { name: { en: "Paris", fr: "Paris é" }, population: 2_100_000, country: "fr", tags: ["a", "b"], note: null },
};
const france = { id: "fr", type: "country", slug: null, ...facts, body: { name: { en: "France" }, region: "Europe" } };
const known = { total: 1, exact: true, too_many: null };

const knowledge = {
  space,
  alive: true,
  settings: { publicRead: true, locales: ["en", "fr"], defaultLocale: "en", clientMaxAge: 30 },
  types: new Map([citySearch, country].map((shape) => [shape.type, { shape }])),
  known: { settings: position(1), schema: position(2) },
  position: position(9),
  readAt: instant(0),
} as unknown as Knowledge;

async function golden(query: string, rows: readonly (readonly Row[])[], name?: string): Promise<Uint8Array> {
  const origin = openOrigin(ROUTES, {
    knowledge: { find: async () => ok(knowledge) },
    database: {
      reader: () => ({ space, read: async () => ok({ rows, position: position(42), source: "us-fra" }) }),
    } as never,
    signer: { sign: async () => "signature", verify: async () => true },
    clock: { now: () => instant(1_767_323_045_678) },
    digest: { members: (_, tags) => tags },
    random: () => 0,
    quickHash,
    admission: { load: openLoad({ now: () => instant(0) }, 10) },
  });
  const posed = questionOf({
    route: name === undefined ? contentRoutes.list : contentRoutes.one,
    space,
    publicRead: true,
    defaultLocale: "en",
    params: { space: space.id, type: "city", ...(name === undefined ? {} : { name }) },
    query: new URLSearchParams(query),
    prefer: query.includes("sort") ? { count: "exact" } : {},
  });
  if (posed === undefined) throw new Error("This question is not kept");
  const kept = await origin(posed, { reach: ORIGIN, newerThan: undefined, place: undefined });
  if (!kept.ok) throw new Error(JSON.stringify(kept.fault));
  // The format is part of the key, and cannot be hashed into itself.
  return encodeKept({ ...kept.value, key: kept.value.key.replace(FORMAT, "") });
}

describe("the bytes that are kept", () => {
  test("are those that FORMAT names", async () => {
    const listed = { ...known, n: 1, ph: 0, key: 2_100_000, ended: false, body: paris.fields, ...paris, id: "paris" };
    const next = { ...listed, n: 2, id: "rome", key: 1 };
    const answers = [
      await golden("", [[paris]], "paris"),
      await golden("locale=fr&include=country", [[paris], [france]], "paris-slug"),
      await golden("locale=*&fields=name", [[paris]], "paris"),
      await golden("", [[]], "nobody"),
      await golden("sort=-population&limit=1&include=country", [[listed, next], [{ ...france, n: 1 }]]),
      await golden("filter[country.region]=Europe", [[{ ...known, n: null }]]),
    ];
    const hash = createHash("sha256");
    for (const answer of answers) hash.update(String(answer.byteLength)).update(answer);
    expect(hash.digest("hex").slice(0, 16)).toBe(FORMAT);
  });
});
