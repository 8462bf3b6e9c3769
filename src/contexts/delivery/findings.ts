// What is found about entries, shown with them where `include=@analysis` asks for it. It changes without a position.
import type { SQL } from "drizzle-orm";
import { analysisSql } from "../insight/insight.ts";
import type { View } from "./query.ts";

/** An expression over `id`; `undefined`: nobody asked. Of all locales, the default one's is shown. */
export function findingsOf(space: number, { analysis, locale, defaultLocale }: View, id: SQL): SQL | undefined {
  if (analysis !== true) return undefined;
  return analysisSql(space, id, locale === "*" ? defaultLocale : locale, defaultLocale);
}
