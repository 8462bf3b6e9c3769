// Content: what readers are given, how they ask for it, and what browsers and caches are told.
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Ask, PLACES as FROM, makeSpace, rootKey, type Space } from "../support/client.ts";
import { all } from "../support/lanes.ts";
import { askChecked, expectRefusal, witnessed } from "../support/witness.ts";

interface Place {
  readonly id: string;
  readonly slug?: string;
  readonly en: string;
  readonly fr?: string;
  readonly population?: number;
  readonly area?: number;
  readonly capital?: boolean;
  readonly founded?: string;
  readonly kind?: string;
  readonly tags?: readonly string[];
  readonly country?: string;
  readonly note?: string;
}

const LONG = "l".repeat(256);
const COUNTRIES = {
  fr: ["France", "Europe", ["de"]],
  de: ["Germany", "Europe", ["fr"]],
  jp: ["Japan", "Asia", []],
  zz: ["Nowhere", undefined, []],
} as const;
/** `hidden` is never published; everything else is. */
const PLACES: readonly Place[] = [
  {
    id: "paris",
    slug: "ville-lumiere",
    en: "Paris",
    fr: "Paris",
    population: 2_100_000,
    area: 105.4,
    capital: true,
    founded: "0250-01-01T00:00:00Z",
    kind: "city",
    tags: ["art", "river"],
    country: "fr",
    note: "n",
  },
  {
    id: "lyon",
    en: "Lyons",
    fr: "Lyon",
    population: 520_000,
    area: 47.9,
    capital: false,
    kind: "city",
    tags: ["food", "river"],
    country: "fr",
  },
  {
    id: "berlin",
    slug: "berlin-de",
    en: "Berlin",
    population: 3_700_000,
    area: 891,
    capital: true,
    founded: "1237-10-28T00:00:00+01:00",
    kind: "city",
    tags: [],
    country: "de",
  },
  { id: "bonn", en: "Bonn", population: 330_000, capital: false, founded: "0011-01-01T00:00:00Z", country: "de" },
  {
    id: "tokyo",
    slug: "東京",
    en: "Tokyo",
    fr: "Tôkyô",
    population: 14_000_000,
    area: 2194,
    capital: true,
    founded: "1457-01-01T00:00:00.123Z",
    kind: "metropolis, huge",
    tags: ["sea"],
    country: "jp",
  },
  { id: "nara", en: "nara", population: 330_000, capital: false, tags: ["river"], country: "jp" },
  { id: "atlantis", en: "Atlantis", fr: "Atlantide", population: 0, area: -1.5, country: "zz", kind: "myth" },
  { id: "utopia", en: "Utopia" },
  { id: "emoji", en: "😀 town", kind: "a\\b", area: 1e-7 },
  { id: "private", en: "\uffff edge", kind: "a,b" },
  { id: "long-1", en: `${LONG}1`, kind: `${LONG}x` },
  { id: "long-2", en: `${LONG}2`, kind: `${LONG}y` },
];

let space: Space;
let hidden: Space;

const text = { type: "string" } as const;
const SCHEMA = {
  type: "object",
  required: ["name"],
  properties: {
    name: { ...text, "x-localized": true, "x-indexed": true },
    population: { type: "integer", "x-indexed": true },
    area: { type: "number", "x-indexed": true },
    capital: { type: "boolean", "x-indexed": true },
    founded: { ...text, format: "date-time", "x-indexed": true },
    kind: { ...text, "x-indexed": true },
    tags: { type: "array", items: text, "x-indexed": true },
    country: { ...text, "x-reference": "country" },
    twins: { type: "array", items: { ...text, "x-reference": "place" } },
    constructor: { ...text, "x-indexed": true },
    note: text,
  },
};

async function fill(into: Space): Promise<void> {
  const country = {
    type: "object",
    properties: {
      name: { ...text, "x-localized": true, "x-indexed": true },
      region: { ...text, "x-indexed": true },
      borders: { type: "array", items: { ...text, "x-reference": "country" } },
    },
  };
  await into.must("PUT", "types/country", { body: { name: "Country", schema: country } });
  await into.must("PUT", "types/place", {
    body: {
      name: "Place",
      schema: SCHEMA,
      indexes: [
        ["country", "-population"],
        ["kind", "name"],
      ],
    },
  });
  const countries = Object.entries(COUNTRIES);
  await all(countries, ([id, [name, region, borders]]) =>
    into.must("PUT", `entries/${id}`, {
      body: { type: "country", fields: { name: { en: name }, ...(region === undefined ? {} : { region }), borders } },
    }),
  );
  await all(countries, ([id]) => into.must("POST", `entries/${id}/publish`));
  await all(PLACES, ({ id, slug, en, fr, ...fields }) =>
    into.must("POST", "entries", {
      body: {
        type: "place",
        id,
        ...(slug === undefined ? {} : { slug }),
        fields: { name: { en, ...(fr === undefined ? {} : { fr }) }, ...fields },
        publish: true,
      },
    }),
  );
  await into.must("PUT", "entries/draft-only", {
    body: { type: "place", fields: { name: { en: "Draft" }, country: "fr" } },
  });
}

const path = (rest: string, of: Space = space): string => `/v1/spaces/${of.id}/content/${rest}`;
/** Without credentials. */
const anyone = (rest: string, options: Ask = {}): Promise<Answer> => askChecked("GET", path(rest), options);
const idsOf = ({ body }: Answer): string[] => body.data.map(({ id }: { id: string }) => id);
const encoded = (query: Readonly<Record<string, string>>): string => new URLSearchParams(query).toString();
const list = async (query: Readonly<Record<string, string>> = {}): Promise<Answer> => {
  const answer = await anyone(`place?${encoded({ limit: "1000", ...query })}`);
  if (answer.status !== 200) throw new Error(`${JSON.stringify(query)}: ${answer.status} ${answer.text}`);
  return answer;
};
/** By code point, as the contract sorts text. */
const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

beforeAll(async () => {
  [space, hidden] = (await Promise.all([makeSpace({ publicRead: true }), makeSpace({ publicRead: false })])).map(
    witnessed,
  ) as [Space, Space];
  await fill(space);
  await hidden.must("PUT", "types/country", { body: { name: "Country", schema: { type: "object", properties: {} } } });
  await hidden.must("POST", "entries", { body: { type: "country", id: "fr", fields: {}, publish: true } });
});

describe("one entry", () => {
  test("by id and by slug, with everything that it shows", async () => {
    const [byId, bySlug, entry] = [
      await anyone("place/paris"),
      await anyone("place/ville-lumiere"),
      (await space.must("GET", "entries/paris")).body,
    ];
    expect(byId.status).toBe(200);
    const fields = { ...entry.fields, name: "Paris" };
    expect(byId.body).toEqual({
      id: "paris",
      type: "place",
      slug: "ville-lumiere",
      locale: "en",
      fields,
      version: 1,
      publishedAt: entry.publishedAt,
      createdAt: entry.createdAt,
      updatedAt: entry.updatedAt,
    });
    expect([bySlug.text, bySlug.headers.get("etag")]).toEqual([byId.text, byId.headers.get("etag")]);
    expect((await anyone(`place/${encodeURIComponent("東京")}`)).body.id).toBe("tokyo");
  });

  test("what is not published, or of another type, is not there", async () => {
    await all(
      [
        "place/nowhere",
        "place/draft-only",
        "country/paris",
        "place/fr",
        "place/%00",
        "place/a%2Fb",
        `place/${"x".repeat(201)}`,
      ],
      async (each) => expect([each, (await anyone(each)).status]).toEqual([each, 404]),
    );
    expectRefusal(await anyone("place/nowhere"), 404, "content-missing");
    expectRefusal(await anyone("nowhere/paris"), 404, "type-missing");
    expectRefusal(await anyone("nowhere"), 404, "type-missing");
    for (const type of ["Place", "constructor", "__proto__", "%00"])
      expect((await anyone(type)).status, type).toBe(404);
  });

  test("slugs that need escaping", async () => {
    const slugs = [
      "100%",
      "%41",
      "a b",
      "a+b",
      "a&b=c",
      "é",
      "e\u0301",
      "😀".repeat(200),
      ";",
      "a;b",
      "@",
      ":",
      "'",
      '"',
      "\\",
      "{x}",
      "…",
      "filter[or]",
    ];
    await all(slugs, (slug) =>
      space.must("POST", "entries", { body: { type: "place", slug, fields: { name: { en: slug } }, publish: true } }),
    );
    await all(slugs, async (slug) => {
      const answer = await anyone(`place/${encodeURIComponent(slug)}`);
      expect([slug, answer.status, answer.body.slug]).toEqual([slug, 200, slug]);
      await space.must("DELETE", `entries/${answer.body.id}`);
    });
    expect((await anyone("place/A")).status).toBe(404);
  });

  test("readers are given what was published, until it is published again or withdrawn", async () => {
    const put = (body: object) => space.must("PUT", "entries/moving", { body: { type: "place", ...body } });
    const seen = async (name: string, answer: Answer) => {
      const read = await anyone(`place/${name}`, { headers: { "meridian-at-least": String(answer.position) } });
      return read.status === 200 ? [read.body.slug, read.body.fields.name, read.body.version] : read.status;
    };
    expect(await seen("moving", await put({ slug: "one", fields: { name: { en: "One" } } }))).toBe(404);
    expect(await seen("one", await space.must("POST", "entries/moving/publish"))).toEqual(["one", "One", 1]);
    const changed = await put({ slug: "two", fields: { name: { en: "Two" } } });
    expect([await seen("one", changed), await seen("two", changed)]).toEqual([["one", "One", 1], 404]);
    const again = await space.must("POST", "entries/moving/publish");
    expect([await seen("one", again), await seen("two", again), await seen("moving", again)]).toEqual([
      404,
      ["two", "Two", 2],
      ["two", "Two", 2],
    ]);
    const withdrawn = await space.must("POST", "entries/moving/unpublish");
    expect([await seen("moving", withdrawn), await seen("two", withdrawn)]).toEqual([404, 404]);
    expect(await seen("two", await space.must("POST", "entries/moving/publish"))).toEqual(["two", "Two", 2]);
    expect(await seen("two", await space.must("POST", "entries/moving/archive"))).toBe(404);
    await space.must("POST", "entries/moving/unarchive");
    await space.must("POST", "entries/moving/publish");
    expect(await seen("two", await space.must("DELETE", "entries/moving"))).toBe(404);
  });
});

describe("locales", () => {
  test("fall back to the default locale, field by field", async () => {
    for (const [locale, id, name] of [
      ["en", "lyon", "Lyons"],
      ["fr", "lyon", "Lyon"],
      ["fr", "berlin", "Berlin"],
    ] as const) {
      const { body } = await anyone(`place/${id}?locale=${locale}`);
      expect([body.locale, body.fields.name]).toEqual([locale, name]);
    }
    const { body } = await anyone("place/tokyo?locale=*");
    expect([body.locale, body.fields.name]).toEqual(["*", { en: "Tokyo", fr: "Tôkyô" }]);
    expect((await list({ locale: "fr", "filter[id]": "lyon" })).body.data[0]).toMatchObject({
      locale: "fr",
      fields: { name: "Lyon" },
    });
  });

  test("unknown ones are refused", async () => {
    await all(["de", "EN", "", "en-US", "constructor", "__proto__", "fr,en", "**"], async (locale) => {
      for (const rest of [`place?locale=${locale}`, `place/paris?locale=${locale}`])
        expectRefusal(await anyone(rest), 400, "invalid-parameter", { parameter: "locale" });
    });
  });

  test("filters and sorts see the locale's values", async () => {
    expect(idsOf(await list({ locale: "fr", "filter[name]": "Lyon" }))).toEqual(["lyon"]);
    expect(idsOf(await list({ locale: "fr", "filter[name]": "Lyons" }))).toEqual([]);
    expect(idsOf(await list({ locale: "fr", "filter[name]": "Berlin" }))).toEqual(["berlin"]);
    expect(idsOf(await list({ "filter[name]": "Lyon" }))).toEqual([]);
    const french = idsOf(await list({ locale: "fr", sort: "name" }));
    const nameOf = ({ en, fr = en }: Place) => fr;
    expect(french).toEqual(
      PLACES.toSorted(
        (a, b) => compareText(nameOf(a).slice(0, 256), nameOf(b).slice(0, 256)) || compareText(a.id, b.id),
      ).map(({ id }) => id),
    );
  });
});

describe("filters", () => {
  const has = (of: (place: Place) => unknown) => (place: Place) => of(place) !== undefined;
  const region = ({ country = "" }: Place): string | undefined => COUNTRIES[country as keyof typeof COUNTRIES]?.[1];
  const since = (place: Place) => (place.founded === undefined ? Number.NaN : Date.parse(place.founded));
  const cases: readonly (readonly [string, (place: Place) => boolean])[] = [
    ["filter[population]=330000", ({ population }) => population === 330_000],
    ["filter[population][eq]=3.3e5", ({ population }) => population === 330_000],
    ["filter[population]=-0", ({ population }) => population === 0],
    ["filter[population][ne]=330000", ({ population }) => population !== 330_000],
    ["filter[population][gt]=520000", ({ population = -1 }) => population > 520_000],
    ["filter[population][gte]=520000", ({ population = -1 }) => population >= 520_000],
    ["filter[population][lt]=520000", ({ population = 1e9 }) => population < 520_000],
    ["filter[population][lte]=520000", ({ population = 1e9 }) => population <= 520_000],
    [
      "filter[population][gt]=330000&filter[population][lt]=3000000",
      ({ population = -1 }) => population > 330_000 && population < 3_000_000,
    ],
    ["filter[population][in]=0,330000,1", ({ population }) => population === 0 || population === 330_000],
    ["filter[population][nin]=0,330000", ({ population }) => population !== 0 && population !== 330_000],
    ["filter[population][exists]=true", has(({ population }) => population)],
    ["filter[population][exists]=false", ({ population }) => population === undefined],
    ["filter[population][lt]=1e308", has(({ population }) => population)],
    ["filter[area][lt]=0", ({ area = 1 }) => area < 0],
    ["filter[area]=1e-7", ({ area }) => area === 1e-7],
    ["filter[area]=105.4", ({ area }) => area === 105.4],
    ["filter[capital]=true", ({ capital }) => capital === true],
    ["filter[capital]=false", ({ capital }) => capital === false],
    ["filter[capital][ne]=true", ({ capital }) => capital !== true],
    ["filter[founded][lt]=1237-10-28T00:00:00Z", (place) => since(place) < Date.parse("1237-10-28T00:00:00Z")],
    ["filter[founded]=1237-10-27T23:00:00Z", (place) => since(place) === Date.parse("1237-10-27T23:00:00Z")],
    [
      "filter[founded][gte]=1457-01-01T00:00:00.123Z",
      (place) => since(place) >= Date.parse("1457-01-01T00:00:00.123Z"),
    ],
    ["filter[kind]=city", ({ kind }) => kind === "city"],
    ["filter[kind]=City", () => false],
    ["filter[kind][ne]=city", ({ kind }) => kind !== "city"],
    ["filter[kind]=metropolis, huge", ({ kind }) => kind === "metropolis, huge"],
    ["filter[kind][in]=metropolis\\, huge,myth", ({ kind }) => kind === "metropolis, huge" || kind === "myth"],
    ["filter[kind][in]=a\\\\b,a\\,b", ({ kind }) => kind === "a\\b" || kind === "a,b"],
    ["filter[kind][nin]=city,myth", ({ kind }) => kind !== "city" && kind !== "myth"],
    ["filter[kind]=", () => false],
    ["filter[kind][in]=", () => false],
    ["filter[kind][exists]=false", ({ kind }) => kind === undefined],
    ["filter[kind][gt]=city", ({ kind }) => kind !== undefined && kind > "city"],
    ["filter[kind][lte]=city", ({ kind }) => kind !== undefined && kind <= "city"],
    ["filter[kind][startsWith]=m", ({ kind = "" }) => kind.startsWith("m")],
    ["filter[kind][startsWith]=", has(({ kind }) => kind)],
    ["filter[kind][startsWith]=%", () => false],
    [`filter[kind]=${LONG}x`, ({ id }) => id === "long-1"],
    [`filter[kind][ne]=${LONG}x`, ({ id }) => id !== "long-1"],
    [`filter[kind][in]=${LONG}y,city`, ({ id, kind }) => id === "long-2" || kind === "city"],
    [`filter[kind]=${LONG}`, () => false],
    [`filter[kind][startsWith]=${LONG.slice(1)}`, ({ kind = "" }) => kind.startsWith(LONG.slice(1))],
    [`filter[name]=${LONG}2`, ({ id }) => id === "long-2"],
    ["filter[name][startsWith]=😀", ({ id }) => id === "emoji"],
    ["filter[name][startsWith]=\uffff", ({ id }) => id === "private"],
    ["filter[name]=nara", ({ id }) => id === "nara"],
    ["filter[tags][contains]=river", ({ tags }) => tags?.includes("river") === true],
    ["filter[tags][contains]=riv", () => false],
    ["filter[tags][contains]=river&filter[tags][exists]=true", ({ tags }) => tags?.includes("river") === true],
    ["filter[country]=fr", ({ country }) => country === "fr"],
    ["filter[country][in]=fr,jp,none", ({ country }) => country === "fr" || country === "jp"],
    ["filter[country][ne]=fr", ({ country }) => country !== "fr"],
    ["filter[country][exists]=false", ({ country }) => country === undefined],
    ["filter[country.region]=Europe", (place) => region(place) === "Europe"],
    ["filter[country.region][ne]=Europe", (place) => region(place) !== "Europe"],
    ["filter[country.region][in]=Europe,Asia", (place) => region(place) !== undefined],
    ["filter[country.region][exists]=false", (place) => region(place) === undefined],
    ["filter[country.name][startsWith]=G", ({ country }) => country === "de"],
    ["filter[country.id]=jp", ({ country }) => country === "jp"],
    ["filter[id]=paris", ({ id }) => id === "paris"],
    ["filter[id][in]=paris,bonn,none", ({ id }) => id === "paris" || id === "bonn"],
    ["filter[id][startsWith]=long", ({ id }) => id.startsWith("long")],
    ["filter[id][gt]=paris", ({ id }) => id > "paris"],
    ["filter[slug]=berlin-de", ({ id }) => id === "berlin"],
    ["filter[slug][exists]=true", has(({ slug }) => slug)],
    ["filter[slug][ne]=berlin-de", ({ slug }) => slug !== "berlin-de"],
    ["filter[createdAt][gt]=2020-01-01T00:00:00Z", () => true],
    ["filter[publishedAt][lt]=2020-01-01T00:00:00Z", () => false],
    ["filter[updatedAt][exists]=true", () => true],
    ["filter[country]=fr&filter[capital]=true", ({ country, capital }) => country === "fr" && capital === true],
    ["filter[country]=fr&filter[country]=fr&x=".slice(0, 18), ({ country }) => country === "fr"],
    ["filter[or][0][country]=jp&filter[or][1][kind]=myth", ({ country, kind }) => country === "jp" || kind === "myth"],
    [
      "filter[or][0][country]=jp&filter[or][0][capital]=true&filter[or][7][kind]=myth",
      ({ country, capital, kind }) => (country === "jp" && capital === true) || kind === "myth",
    ],
    [
      "filter[population][gt]=400000&filter[or][0][country]=de&filter[or][1][country]=fr",
      ({ population = 0, country }) => population > 400_000 && (country === "de" || country === "fr"),
    ],
    [
      "filter[or][0][population][exists]=false&filter[or][1][tags][contains]=sea",
      ({ population, tags }) => population === undefined || tags?.includes("sea") === true,
    ],
    ["filter[constructor][exists]=true", () => false],
    ["filter[constructor]=x", () => false],
  ];
  const asQuery = (raw: string): Record<string, string> =>
    Object.fromEntries(
      raw.split("&filter").map((part, i) => {
        const whole = i === 0 ? part : `filter${part}`;
        const at = whole.indexOf("=");
        return [whole.slice(0, at), whole.slice(at + 1)];
      }),
    );

  test("each operator on each kind of field, sorted by id and by population", async () => {
    await all(cases, async ([raw, wanted]) => {
      const query = asQuery(raw);
      const ids = PLACES.filter(wanted).map(({ id }) => id);
      expect([raw, idsOf(await list({ ...query, sort: "id" }))]).toEqual([raw, ids.toSorted(compareText)]);
      expect([raw, idsOf(await list({ ...query, sort: "-population" })).toSorted(compareText)]).toEqual([
        raw,
        ids.toSorted(compareText),
      ]);
    });
  });

  test("those that are none are refused by name", async () => {
    const refused: readonly (readonly [string, string, string])[] = [
      ["filter[note]=n", "not-indexed", "filter[note]"],
      ["filter[twins.note]=n", "not-indexed", "filter[twins.note]"],
      ["filter[unknown]=1", "unknown-field", "filter[unknown]"],
      ["filter[__proto__]=1", "unknown-field", "filter[__proto__]"],
      ["filter[toString]=1", "unknown-field", "filter[toString]"],
      ["filter[country.unknown]=1", "unknown-field", "filter[country.unknown]"],
      ["filter[population.x]=1", "invalid-parameter", "filter[population.x]"],
      ["filter[country.borders.name]=1", "invalid-parameter", "filter[country.borders.name]"],
      ["filter[status]=published", "unknown-field", "filter[status]"],
      ["filter[population]=many", "invalid-parameter", "filter[population]"],
      ["filter[population]=", "invalid-parameter", "filter[population]"],
      ["filter[population]= 1", "invalid-parameter", "filter[population]"],
      ["filter[population]=0x10", "invalid-parameter", "filter[population]"],
      ["filter[population]=1e999", "invalid-parameter", "filter[population]"],
      ["filter[population]=NaN", "invalid-parameter", "filter[population]"],
      ["filter[population]=Infinity", "invalid-parameter", "filter[population]"],
      ["filter[population][in]=1,x", "invalid-parameter", "filter[population][in]"],
      ["filter[population][exists]=yes", "invalid-parameter", "filter[population][exists]"],
      ["filter[capital]=1", "invalid-parameter", "filter[capital]"],
      ["filter[founded]=yesterday", "invalid-parameter", "filter[founded]"],
      ["filter[founded][gt]=2026-02-30T00:00:00Z", "invalid-parameter", "filter[founded][gt]"],
      ["filter[createdAt]=x", "invalid-parameter", "filter[createdAt]"],
      ["filter[kind][in]=a\\x", "invalid-parameter", "filter[kind][in]"],
      ["filter[kind][in]=a\\", "invalid-parameter", "filter[kind][in]"],
      ["filter[population][like]=1", "unsupported-operator", "filter[population][like]"],
      ["filter[population][constructor]=1", "unsupported-operator", "filter[population][constructor]"],
      ["filter[population][__proto__]=1", "unsupported-operator", "filter[population][__proto__]"],
      ["filter[population][startsWith]=1", "unsupported-operator", "filter[population][startsWith]"],
      ["filter[population][contains]=1", "unsupported-operator", "filter[population][contains]"],
      ["filter[tags]=river", "unsupported-operator", "filter[tags]"],
      ["filter[tags][gt]=a", "unsupported-operator", "filter[tags][gt]"],
      ["filter[capital][gt]=true", "unsupported-operator", "filter[capital][gt]"],
      ["filter[]=1", "unknown-field", "filter[]"],
      ["filter=1", "unknown-parameter", "filter"],
      ["filter[population=1", "unknown-parameter", "filter[population"],
      ["filter[or]=1", "unknown-parameter", "filter[or]"],
      ["filter[or][x][id]=1", "unknown-parameter", "filter[or][x][id]"],
      ["filter[or][-1][id]=1", "unknown-parameter", "filter[or][-1][id]"],
      ["filter[population][gt][x]=1", "unknown-parameter", "filter[population][gt][x]"],
      ["filters[a]=1", "unknown-parameter", "filters[a]"],
    ];
    await all(refused, async ([raw, code, parameter]) => {
      const [name = "", value = ""] = [raw.slice(0, raw.indexOf("=")), raw.slice(raw.indexOf("=") + 1)];
      expectRefusal(await anyone(`place?${encoded({ [name]: value })}`), 400, code, { parameter });
    });
  });

  test("twenty terms, and one more", async () => {
    const terms = (n: number) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`filter[or][${i}][id]`, `x${i}`]));
    expect((await anyone(`place?${encoded(terms(20))}`)).status).toBe(200);
    expectRefusal(await anyone(`place?${encoded(terms(21))}`), 400, "too-many-terms", { parameter: "filter" });
  });

  test("said twice is said once too often", async () => {
    for (const query of [
      "filter[id]=a&filter[id]=b",
      "filter[id]=a&filter[id][eq]=b",
      "sort=id&sort=id",
      "limit=1&limit=1",
      "locale=en&locale=fr",
    ])
      expectRefusal(await anyone(`place?${query}`), 400, "invalid-parameter");
  });
});

describe("sorting", () => {
  type Value = string | number | boolean | undefined;
  const keys: readonly (readonly [string, (place: Place) => Value])[] = [
    ["population", ({ population }) => population],
    ["area", ({ area }) => area],
    ["capital", ({ capital }) => capital],
    ["founded", ({ founded }) => (founded === undefined ? undefined : Date.parse(founded))],
    ["kind", ({ kind }) => kind?.slice(0, 256)],
    ["name", ({ en }) => en.slice(0, 256)],
    ["country", ({ country }) => country],
    ["slug", ({ slug }) => slug],
    ["id", ({ id }) => id],
  ];
  const compare = (a: Value, b: Value): number =>
    typeof a === "string" && typeof b === "string" ? compareText(a, b) : Number(a) - Number(b);
  /** Missing values last both ways; ids follow the direction of the key before them. */
  const sorted = (of: (place: Place) => Value, sign: 1 | -1): string[] =>
    PLACES.toSorted((a, b) => {
      const [left, right] = [of(a), of(b)];
      if ((left === undefined) !== (right === undefined)) return left === undefined ? 1 : -1;
      return sign * (left === undefined ? 0 : compare(left, right)) || sign * compareText(a.id, b.id);
    }).map(({ id }) => id);

  test.each(keys)("by %s, both ways, in one page and walked", async (field, of) => {
    for (const sign of [1, -1] as const) {
      const sort = `${sign === 1 ? "" : "-"}${field}`;
      const wanted = sorted(of, sign);
      expect([sort, idsOf(await list({ sort }))]).toEqual([sort, wanted]);
      expect([sort, await walk({ sort, limit: "5" })]).toEqual([sort, wanted]);
    }
  });

  test("a declared composite serves several keys, and a filter on its first", async () => {
    const french = PLACES.filter(({ country }) => country === "fr").toSorted(
      (a, b) => (b.population ?? 0) - (a.population ?? 0),
    );
    expect(idsOf(await list({ "filter[country]": "fr", sort: "-population" }))).toEqual(french.map(({ id }) => id));
    const both = idsOf(await list({ sort: "country,-population" }));
    const withCountry = PLACES.filter(({ country }) => country !== undefined).toSorted(
      (a, b) => compareText(a.country ?? "", b.country ?? "") || (b.population ?? 0) - (a.population ?? 0),
    );
    expect(both.slice(0, withCountry.length)).toEqual(withCountry.map(({ id }) => id));
    expect(await walk({ sort: "country,-population", limit: "2" })).toEqual(both);
    expect(both.toSorted()).toEqual(PLACES.map(({ id }) => id).toSorted());
  });

  test("what nothing serves is refused, and says what to declare", async () => {
    const refused = await anyone("place?sort=population,name");
    expectRefusal(refused, 400, "query-too-broad", { parameter: "sort" });
    expect(refused.body.detail).toContain('["population","name"]');
    await all(
      [
        ["note", "not-indexed"],
        ["tags", "not-indexed"],
        ["unknown", "unknown-field"],
        ["__proto__", "invalid-parameter"],
        ["status", "unknown-field"],
        ["", "invalid-parameter"],
        ["-", "invalid-parameter"],
        ["--id", "invalid-parameter"],
        ["+id", "invalid-parameter"],
        ["id,", "invalid-parameter"],
        ["id,id", "invalid-parameter"],
        ["id,-id", "invalid-parameter"],
        ["country.name", "invalid-parameter"],
        ["id;drop table", "invalid-parameter"],
      ] as const,
      async ([sort, code]) =>
        expectRefusal(await anyone(`place?${encoded({ sort })}`), 400, code, { parameter: "sort" }),
    );
  });
});

/** Follows `Link` to the end; every page stands at one position. */
async function walk(query: Readonly<Record<string, string>>): Promise<string[]> {
  const seen: string[] = [];
  let next: string | null = `${path("place")}?${encoded(query)}`;
  let at: number | undefined;
  for (let pages = 0; next !== null && pages < 100; pages += 1) {
    const page: Answer = await askChecked("GET", next);
    if (page.status !== 200) throw new Error(`${next}: ${page.status} ${page.text}`);
    at ??= page.body.page.at;
    expect([page.body.page.at, page.body.page.size]).toEqual([at, page.body.data.length]);
    seen.push(...idsOf(page));
    next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1] ?? null;
    expect(next === null).toBe(page.body.page.next === null);
  }
  return seen;
}

describe("pages", () => {
  test("limits", async () => {
    expect((await anyone("place")).body.page.size).toBe(PLACES.length);
    for (const limit of ["1", "7", "1000"])
      expect(idsOf(await list({ limit }))).toHaveLength(Math.min(Number(limit), PLACES.length));
    await all(["0", "-1", "1001", "1.5", "1e2", "", "x", "01", "٣", "1 ", "99999999999999999999"], async (limit) =>
      expectRefusal(await anyone(`place?${encoded({ limit })}`), 400, "invalid-parameter", { parameter: "limit" }),
    );
    const exact = await list({ limit: String(PLACES.length), sort: "id" });
    expect([exact.body.page.next, exact.headers.get("link")]).toEqual([null, null]);
  });

  test("a walk shows the state of its first page, whatever is published meanwhile", async () => {
    const wanted = idsOf(await list({ sort: "-population" }));
    const first = await list({ sort: "-population", limit: "4" });
    const next = async (page: Answer, limit: string) =>
      await list({ sort: "-population", limit, cursor: page.body.page.next });
    await space.must("POST", "entries", {
      body: { type: "place", id: "meanwhile", fields: { name: { en: "New" }, population: 329_999 }, publish: true },
    });
    await space.must("PATCH", "entries/nara", { body: { fields: { population: 99_999_999 } } });
    await space.must("POST", "entries/nara/publish");
    const gone = await space.must("POST", "entries/bonn/unpublish");
    const pages = [first, await next(first, "2")];
    pages.push(await next(pages[1] as Answer, "1000"));
    expect(pages.flatMap(idsOf)).toEqual(wanted);
    expect(new Set(pages.map(({ body }) => body.page.at)).size).toBe(1);
    const late = await next(first, "1000");
    const nara = late.body.data.find(({ id }: { id: string }) => id === "nara");
    expect(nara.fields.population).toBe(330_000);
    // A walk that begins now sees it all.
    const now = await anyone("place?limit=1000&sort=-population", {
      headers: { "meridian-at-least": String(gone.position) },
    });
    expect(idsOf(now).slice(0, 1)).toEqual(["nara"]);
    expect(idsOf(now)).toContain("meanwhile");
    expect(idsOf(now)).not.toContain("bonn");
    await space.must("DELETE", "entries/meanwhile");
    await space.must("PATCH", "entries/nara", { body: { fields: { population: 330_000 } } });
    await space.must("POST", "entries/nara/publish");
    await space.must("POST", "entries/bonn/publish");
  });

  test("a cursor goes with its query and its space, and with nothing else", async () => {
    const { next } = (await list({ sort: "-population", limit: "2", "filter[capital]": "true" })).body.page;
    expect(next).toMatch(/^[\x21-\x7e]+$/);
    const same = { sort: "-population", "filter[capital][eq]": "true" };
    expect((await anyone(`place?${encoded({ ...same, limit: "9", cursor: next })}`)).status).toBe(200);
    const others: readonly Readonly<Record<string, string>>[] = [
      { sort: "population" },
      { "filter[capital]": "false" },
      { locale: "fr" },
      { "filter[kind]": "city" },
      { fields: "name" },
    ];
    const bad = { sort: "-population", "filter[capital]": "true", limit: "2" };
    await all(others, async (other) =>
      expectRefusal(await anyone(`place?${encoded({ ...bad, ...other, cursor: next })}`), 400, "cursor-invalid"),
    );
    expectRefusal(
      await askChecked("GET", `${path("country", hidden)}?${encoded({ cursor: next })}`, { key: hidden.key }),
      400,
      "cursor-invalid",
    );
    const [head = "", mac = ""] = next.split(".");
    const forged = [
      `${head}.${mac.slice(0, -1)}${mac.endsWith("A") ? "B" : "A"}`,
      head,
      `.${mac}`,
      `${head}.`,
      next.slice(1),
      `${next}x`,
      `${btoa('1.1.1.1.[0,null,""]')}.${mac}`,
      "",
      "x",
      "null",
      "%00",
      "🙂",
      "A".repeat(8_000),
      "e30.e30",
    ];
    await all(forged, async (cursor) =>
      expectRefusal(await anyone(`place?${encoded({ ...bad, cursor })}`), 400, "cursor-invalid"),
    );
  });

  test("a cursor is not asked for what came after it", async () => {
    const first = await list({ limit: "1", sort: "id" });
    const { next, at } = first.body.page;
    const asked = (position: number) =>
      anyone(`place?${encoded({ limit: "1", sort: "id", cursor: next })}`, {
        headers: { "meridian-at-least": String(position) },
      });
    expect((await asked(at)).status).toBe(200);
    expectRefusal(await asked(at + 1), 400, "position-conflict");
  });

  test("a list that would be too large ends early, and goes on", async () => {
    const large = witnessed(await makeSpace({ publicRead: true }));
    await large.must("PUT", "types/big", {
      body: {
        name: "Big",
        schema: { type: "object", properties: { text: {}, next: { ...text, "x-reference": "big" } } },
      },
    });
    const ids = Array.from({ length: 15 }, (_, i) => `b${String(i).padStart(2, "0")}`);
    await all(ids, (id) =>
      large.must("POST", "entries", {
        body: { type: "big", id, fields: { text: id.repeat(160_000), next: id }, publish: true },
      }),
    );
    for (const include of ["", "&include=next"]) {
      const seen: string[] = [];
      let cursor = "";
      for (let pages = 0; pages < 10; pages += 1) {
        const page = await askChecked("GET", `${path("big", large)}?limit=1000&sort=-id${include}${cursor}`);
        expect(page.status).toBe(200);
        expect(page.text.length).toBeLessThan(16 * 1024 * 1024);
        seen.push(...idsOf(page));
        if (page.body.page.next === null) break;
        expect(page.body.page.truncated).toBe("bytes");
        cursor = `&cursor=${encodeURIComponent(page.body.page.next)}`;
      }
      expect(seen).toEqual(ids.toReversed());
    }
  });

  test("counts are given when they are asked for", async () => {
    const counted = (query: string, prefer: string) => anyone(`place?limit=2&${query}`, { headers: { prefer } });
    const plain = await anyone("place?limit=2");
    expect([plain.body.page.total, plain.headers.get("preference-applied")]).toEqual([undefined, null]);
    for (const [query, total] of [
      ["", PLACES.length],
      ["filter[capital]=true", 3],
      ["filter[country]=none", 0],
    ] as const) {
      const exact = await counted(query, "count=exact");
      expect([exact.body.page.total, exact.headers.get("preference-applied")]).toEqual([total, "count=exact"]);
      const estimated = await counted(query, "count=estimated");
      expect(estimated.body.page.total).toBe(total);
      expect(estimated.headers.get("preference-applied")).toMatch(/^count=(exact|estimated)$/);
    }
    expect((await counted("", "count=maybe")).body.page.total).toBeUndefined();
  });
});

describe("fields and includes", () => {
  test("fields names those that are given", async () => {
    expect((await anyone("place/paris?fields=population,name,population")).body.fields).toEqual({
      name: "Paris",
      population: 2_100_000,
    });
    expect((await anyone("place/utopia?fields=population")).body.fields).toEqual({});
    expect((await list({ fields: "kind", "filter[id]": "lyon" })).body.data[0].fields).toEqual({ kind: "city" });
    await all(["unknown", "__proto__", "", "name,", "name,unknown", "id", "country.name"], async (fields) => {
      for (const rest of ["place", "place/paris"])
        expect([fields, (await anyone(`${rest}?${encoded({ fields })}`)).status]).toEqual([fields, 400]);
    });
  });

  test("included holds each published target once", async () => {
    await space.must("PUT", "entries/twin", {
      body: {
        type: "place",
        fields: { name: { en: "Twin" }, country: "fr", twins: ["paris", "draft-only", "paris", "berlin"] },
      },
    });
    const published = await space.must("POST", "entries/twin/publish");
    const at = { headers: { "meridian-at-least": String(published.position) } };
    const one = await anyone("place/twin?include=twins", at);
    expect(one.body.fields.twins).toEqual(["paris", "draft-only", "paris", "berlin"]);
    expect(Object.keys(one.body.included).sort()).toEqual(["berlin", "paris"]);
    expect(one.body.included.paris).toEqual((await anyone("place/paris")).body);
    const two = await anyone("place/twin?include=country,twins.country", at);
    expect(Object.keys(two.body.included).sort()).toEqual(["berlin", "de", "fr", "paris"]);
    const three = await anyone("place/twin?include=country.borders.borders&locale=fr", at);
    expect(Object.keys(three.body.included).sort()).toEqual(["de", "fr"]);
    expect(three.body.included.de).toMatchObject({ type: "country", locale: "fr", fields: { name: "Germany" } });
    const listed = await anyone(
      `place?${encoded({ "filter[country]": "fr", include: "country.borders", sort: "id" })}`,
      at,
    );
    expect([idsOf(listed), Object.keys(listed.body.included).sort()]).toEqual([
      ["lyon", "paris", "twin"],
      ["de", "fr"],
    ]);
    expect((await anyone("place/utopia?include=country")).body.included).toEqual({});
    await space.must("DELETE", "entries/twin");
  });

  test("paths that lead nowhere, too far, or are too many", async () => {
    await all(
      [
        "unknown",
        "note",
        "name",
        "country.name",
        "country.unknown",
        "",
        ",",
        "country.",
        ".country",
        "__proto__",
        "constructor",
        "country.borders.borders.borders",
        Array.from({ length: 11 }, (_, i) => `a${i}`).join(","),
        "@nothing",
      ],
      async (include) => {
        for (const rest of ["place", "place/paris"])
          expect([include, (await anyone(`${rest}?${encoded({ include })}`)).status]).toEqual([include, 400]);
      },
    );
  });
});

describe("entity tags", () => {
  test("one: strong over what is shown; nothing changed: 304", async () => {
    const read = await anyone("place/paris");
    const tag = read.headers.get("etag") ?? "";
    expect(tag).toMatch(/^"[\x21-\x7e]+"$/);
    const same = await anyone("place/paris", { headers: { "if-none-match": `"x", W/${tag}` } });
    expect([same.status, same.text, same.headers.get("etag")]).toEqual([304, "", tag]);
    for (const header of ["cache-control", "vary", "access-control-allow-origin", "meridian-position", "request-id"])
      expect(same.headers.get(header), header).not.toBeNull();
    const tags = await Promise.all(
      ["", "?locale=fr", "?locale=*", "?fields=name", "?include=country"].map(async (query) =>
        (await anyone(`place/paris${query}`)).headers.get("etag"),
      ),
    );
    expect(new Set(tags).size).toBe(5);
    // Something else was published; this has not changed.
    const other = await space.must("POST", "entries/utopia/unpublish");
    const again = await anyone("place/paris", {
      headers: { "if-none-match": tag, "meridian-at-least": String(other.position) },
    });
    expect([again.status, again.position >= other.position]).toEqual([304, true]);
    await space.must("POST", "entries/utopia/publish");
  });

  test("many: weak over data and query, the same wherever the page was filled", async () => {
    const read = await anyone("place?sort=id&filter[capital]=true");
    const tag = read.headers.get("etag") ?? "";
    expect(tag).toMatch(/^W\/"[\x21-\x7e]+"$/);
    expect((await anyone("place?filter[capital][eq]=true&sort=id", { headers: { "if-none-match": tag } })).status).toBe(
      304,
    );
    const tags = await Promise.all(
      [
        "sort=-id&filter[capital]=true",
        "sort=id&filter[capital]=true&locale=fr",
        "sort=id&filter[capital]=false",
        "sort=id&filter[capital]=true&include=country",
      ].map(async (query) => (await anyone(`place?${query}`)).headers.get("etag")),
    );
    expect(new Set([tag, ...tags]).size).toBe(5);
    // The space moves on; the list does not.
    const moved = await space.must("PATCH", "entries/utopia", { body: { fields: { note: "x" } } });
    const published = await space.must("POST", "entries/utopia/publish");
    expect(moved.position).toBeLessThan(published.position);
    const later = await anyone("place?sort=id&filter[capital]=true", {
      headers: { "meridian-at-least": String(published.position), "if-none-match": tag },
    });
    expect(later.status).toBe(304);
    await space.must("PATCH", "entries/paris", { body: { fields: { note: "changed" } } });
    const changed = await space.must("POST", "entries/paris/publish");
    expect(
      (
        await anyone("place?sort=id&filter[capital]=true", {
          headers: { "meridian-at-least": String(changed.position), "if-none-match": tag },
        })
      ).status,
    ).toBe(200);
  });
});

describe("what browsers and caches are told", () => {
  const told = ["place", "place/paris", "country"] as const;

  test("public content: any page, any cache, asked again each time", async () => {
    await all(told, async (each) => {
      const { headers } = await anyone(each, { headers: { origin: "https://example.org", cookie: "a=b" } });
      expect(headers.get("cache-control")).toBe("public, no-cache");
      expect(headers.get("vary")).toBe("Authorization, Meridian-At-Least, Prefer");
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      expect(headers.get("access-control-expose-headers")?.split(", ").sort()).toEqual([
        "Age",
        "Cache-Status",
        "ETag",
        "Link",
        "Meridian-Position",
        "Meridian-Region",
        "Meridian-Source",
        "RateLimit",
        "RateLimit-Policy",
        "Request-Id",
        "Retry-After",
      ]);
      for (const header of [
        "meridian-position",
        "meridian-region",
        "meridian-source",
        "cache-status",
        "etag",
        "server-timing",
        "request-id",
      ])
        expect(headers.get(header), header).toBeTruthy();
      expect(headers.get("set-cookie")).toBeNull();
    });
  });

  test("a page may read why it was refused", async () => {
    const refused = [
      await anyone("place/nowhere"),
      await anyone("place?unknown=1"),
      await anyone("nowhere"),
      await askChecked("GET", path("country", hidden)),
      await anyone("place", { key: "wrong" }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([404, 400, 404, 401, 401]);
    for (const { headers } of refused) {
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-expose-headers")).toContain("Request-Id");
      expect(headers.get("cache-control")).toMatch(/no-store/);
    }
  });

  test("preflights", async () => {
    await all(told, async (each) => {
      const answer = await askChecked("OPTIONS", path(each), {
        headers: {
          origin: "https://example.org",
          "access-control-request-method": "GET",
          "access-control-request-headers": "authorization, if-none-match, meridian-at-least",
        },
      });
      expect([answer.status, answer.text]).toEqual([204, ""]);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
      expect(answer.headers.get("access-control-allow-methods")?.split(", ").sort()).toEqual(["GET", "HEAD"]);
      const allowed = answer.headers.get("access-control-allow-headers")?.toLowerCase().split(", ");
      expect(allowed).toEqual(
        expect.arrayContaining(["authorization", "if-none-match", "meridian-at-least", "prefer", "accept"]),
      );
      expect(Number(answer.headers.get("access-control-max-age"))).toBeGreaterThan(0);
    });
    // Bare OPTIONS is no preflight; nothing else is open to pages.
    expectRefusal(await askChecked("OPTIONS", path("place")), 405, "method-not-allowed");
    const closed = await askChecked("OPTIONS", `/v1/spaces/${space.id}/entries`, {
      headers: { origin: "https://example.org", "access-control-request-method": "POST" },
    });
    expectRefusal(closed, 405, "method-not-allowed");
    for (const each of ["types", "entries/paris", "entries?type=place", "keys"])
      expect(
        (await space.ask("GET", each, { headers: { origin: "https://example.org" } })).headers.get(
          "access-control-allow-origin",
        ),
        each,
      ).toBeNull();
  });

  test("private content is for its readers alone", async () => {
    for (const rest of ["country", "country/fr"]) {
      expectRefusal(await askChecked("GET", path(rest, hidden)), 401, "credentials-required");
      const read = await askChecked("GET", path(rest, hidden), { key: await hidden.keyWith(["content:read"]) });
      expect([read.status, read.headers.get("cache-control"), read.headers.get("vary")]).toEqual([
        200,
        "private, no-cache",
        "Authorization, Meridian-At-Least, Prefer",
      ]);
      expectRefusal(
        await askChecked("GET", path(rest, hidden), { key: await hidden.keyWith(["content:preview"]) }),
        403,
        "scope-missing",
      );
      expectRefusal(await askChecked("GET", path(rest, hidden), { key: space.key }), 404, "space-missing");
    }
  });

  test("bad credentials are told even where none are needed", async () => {
    for (const key of ["wrong", `${space.key.slice(0, -1)}${space.key.endsWith("A") ? "B" : "A"}`])
      for (const each of told) expectRefusal(await anyone(each, { key }), 401, "credentials-invalid");
    expectRefusal(await anyone("place", { key: hidden.key }), 404, "space-missing");
    expectRefusal(await anyone("place", { key: rootKey() }), 403, "scope-missing");
  });

  test("a space may let clients keep content for a while", async () => {
    const kept = witnessed(await makeSpace({ publicRead: true, clientMaxAge: 30 }));
    await kept.must("PUT", "types/country", { body: { name: "Country", schema: { type: "object", properties: {} } } });
    const answer = await askChecked("GET", path("country", kept));
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "public, max-age=30"]);
  });

  test("a space may have nothing of it kept in caches outside its residency", async () => {
    const european = witnessed(await makeSpace({ residency: "eu", publicRead: true, edgeOutsideResidency: false }));
    await european.must("PUT", "types/country", {
      body: { name: "Country", schema: { type: "object", properties: {} } },
    });
    const from = async (cf: Record<string, string>) =>
      (await askChecked("GET", path("country", european), { cf })).headers.get("meridian-source");
    for (const [where, kept] of [
      [FROM.sin, false],
      [{ ...FROM.fra, isEUCountry: "0" }, false],
      [{}, false],
      [FROM.fra, true],
    ] as const) {
      await from(where);
      expect(["memory", "colo", "shield"].includes((await from(where)) ?? ""), JSON.stringify(where)).toBe(kept);
    }
  });

  test("who has no total is not told that nothing has changed", async () => {
    const plain = await askChecked("GET", path("country"));
    const etag = plain.headers.get("etag") ?? "";
    const counted = await askChecked("GET", path("country"), {
      headers: { prefer: "count=exact", "if-none-match": etag },
    });
    expect([counted.status, counted.body.page.total]).toEqual([200, plain.body.data.length]);
    const again = await askChecked("GET", path("country"), {
      headers: { prefer: "count=exact", "if-none-match": counted.headers.get("etag") ?? "" },
    });
    expect(again.status).toBe(304);
  });

  test("drafts need the right to see them, and are kept nowhere", async () => {
    const draft = await space.ask("GET", "content/place/draft-only?perspective=draft");
    expect([draft.status, draft.body.fields.name, draft.body.publishedAt]).toEqual([200, "Draft", null]);
    expect(draft.headers.get("cache-control")).toBe("private, no-store");
    const listed = await space.ask("GET", "content/place?perspective=draft&limit=1000");
    expect(idsOf(listed)).toContain("draft-only");
    expect(listed.headers.get("cache-control")).toBe("private, no-store");
    const reader = await space.keyWith(["content:read"]);
    for (const rest of ["content/place/draft-only", "content/place"]) {
      expectRefusal(await space.ask("GET", `${rest}?perspective=draft`, { key: reader }), 403, "scope-missing");
      expect([401, 403]).toContain(
        (await askChecked("GET", `/v1/spaces/${space.id}/${rest}?perspective=draft`)).status,
      );
      expectRefusal(await space.ask("GET", `${rest}?perspective=all`), 400, "invalid-parameter", {
        parameter: "perspective",
      });
    }
    const writer = await space.keyWith(["content:read", "content:write"]);
    expect((await space.ask("GET", "content/place/draft-only?perspective=draft", { key: writer })).status).toBe(200);
  });
});

describe("positions", () => {
  test("an answer is never older than what was asked for, and says how new it is", async () => {
    const written = await space.must("PATCH", "entries/utopia", { body: { fields: { note: String(Date.now()) } } });
    for (const rest of ["place", "place/paris"]) {
      const read = await anyone(rest, { headers: { "meridian-at-least": String(written.position) } });
      expect(read.position).toBeGreaterThanOrEqual(written.position);
      const ahead = await anyone(rest, { headers: { "meridian-at-least": String(written.position + 1_000) } });
      expectRefusal(ahead, 503, "position-not-reached");
      expect(ahead.headers.get("access-control-allow-origin")).toBe("*");
    }
    const headers = { "meridian-at-least": String(written.position) };
    const list = await anyone("place", { headers });
    // What was read earlier may be known to be true later.
    expect(list.body.page.at).toBeLessThanOrEqual(list.position);
    const page = await anyone("place?limit=1", { headers });
    expect(page.body.page.at).toBeGreaterThanOrEqual(written.position);
    const rest = await anyone(`place?limit=1&cursor=${page.body.page.next}`, { headers });
    expect(rest.status).toBe(200);
  });
});
