// A document as Postgres gives it back, and as clients see it: content for readers, entries for editors.
import type { JsonObject } from "../../kernel/json.ts";
import type { Row } from "../../platform/database/database.ts";
import { valueAt } from "./locale.ts";
import type { View } from "./query.ts";
import type { FieldShape } from "./type-shape.ts";

export interface Document {
  readonly id: string;
  readonly type: string;
  readonly slug: string | null;
  readonly version: number;
  readonly fields: JsonObject;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly publishedAt: string | null;
  /** Only where it was asked for; null: there is none. */
  readonly analysis?: JsonObject | null;
  /** Only of drafts. */
  readonly draft?: {
    readonly status: string;
    readonly publishedVersion: number | null;
    readonly createdBy: string;
    readonly updatedBy: string;
  };
}

/** `body`: the fields; lists call them so, because they may be cut off. */
export function readDocument(row: Row, body: unknown): Document {
  const document = {
    id: row["id"] as string,
    type: row["type"] as string,
    slug: row["slug"] as string | null,
    version: row["version"] as number,
    fields: body as JsonObject,
    createdAt: row["created_at"] as string,
    updatedAt: row["updated_at"] as string,
    publishedAt: row["published_at"] as string | null,
    ...(row["analysis"] === undefined ? {} : { analysis: row["analysis"] as JsonObject | null }),
  };
  if (row["status"] === undefined) return document;
  const draft = {
    status: row["status"] as string,
    publishedVersion: row["published_version"] as number | null,
    createdBy: row["created_by"] as string,
    updatedBy: row["updated_by"] as string,
  };
  return { ...document, draft };
}

/** How a document of some type is shown: everything of `View` that does not belong to the query's own type. */
export type Look = Pick<View, "shape" | "locale" | "defaultLocale" | "fields">;

export type Show = (document: Document, look: Look) => JsonObject;

/** What readers are given. */
export const showContent: Show = (document, look) => {
  const { id, type, slug, version, publishedAt, createdAt, updatedAt, analysis } = document;
  return {
    id,
    type,
    slug,
    locale: look.locale,
    fields: shownFields(document, look),
    version,
    publishedAt,
    createdAt,
    updatedAt,
    ...(analysis === undefined ? {} : { analysis }),
  };
};

/** What editors are given. */
export const showEntry: Show = (document, look) => {
  const { id, type, slug, version, publishedAt, createdAt, updatedAt, analysis, draft } = document;
  const { status = "draft", publishedVersion = null, createdBy = "", updatedBy = "" } = draft ?? {};
  return {
    id,
    type,
    slug,
    status,
    fields: shownFields(document, look),
    version,
    publishedVersion,
    createdAt,
    updatedAt,
    publishedAt,
    createdBy,
    updatedBy,
    ...(analysis === undefined ? {} : { analysis }),
  };
};

/** Members keep their stored order; a field that the type no longer has is shown as it is. */
function shownFields({ fields }: Document, { shape, locale, defaultLocale, fields: wanted }: Look): JsonObject {
  const byName = new Map(shape.fields.map((field) => [field.name, field]));
  const shown = Object.keys(fields)
    .filter((name) => wanted === undefined || wanted.has(name))
    .map((name) => [name, shownValue(byName.get(name), fields, name, locale, defaultLocale)] as const);
  return Object.fromEntries(shown.filter(([, value]) => value !== undefined)) as JsonObject;
}

function shownValue(
  field: FieldShape | undefined,
  fields: JsonObject,
  name: string,
  locale: string,
  defaultLocale: string,
) {
  return field?.localized && locale !== "*" ? valueAt(field, fields, locale, defaultLocale) : fields[name];
}

/** Ids that a reference field holds, in the locale that is shown; of all locales with `*`. */
export function referencesOf(
  { fields }: Document,
  field: FieldShape,
  { locale, defaultLocale }: Look,
): readonly string[] {
  const value =
    field.localized && locale === "*"
      ? Object.values((fields[field.name] ?? {}) as JsonObject)
      : valueAt(field, fields, locale, defaultLocale);
  return [value].flat(2).filter((each) => typeof each === "string");
}
