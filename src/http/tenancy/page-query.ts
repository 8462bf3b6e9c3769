// The query of a plain list: how many, and where to go on.
import * as z from "zod";
import { readQuery } from "../input.ts";
import type { QueryReader } from "../operation.ts";

export const LIMIT_DEFAULT = 20;
const LIMIT_MOST = 1_000;

const isLimit = (text: string): boolean => /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= LIMIT_MOST;

export const limitParameter = z
  .string()
  .refine(isLimit, { error: `a whole number from 1 to ${LIMIT_MOST}` })
  .optional()
  .meta({
    description: "How many at most.",
    override: { type: "integer", minimum: 1, maximum: LIMIT_MOST, default: LIMIT_DEFAULT },
  });

const documented = z.strictObject({
  limit: limitParameter,
  cursor: z.string().max(200).optional().meta({ description: "`page.next` of the page before." }),
});

export interface PageQuery {
  readonly limit: number;
  readonly cursor: string | undefined;
}

export const pageQuery: QueryReader<PageQuery> = {
  documented,
  read(query) {
    const read = readQuery(documented, query);
    if (!read.ok) return read;
    const { limit, cursor } = read.value;
    return { ok: true, value: { limit: limit === undefined ? LIMIT_DEFAULT : Number(limit), cursor } };
  },
};

/** `Link` to the next page, when there is one (RFC 8288). */
export function linkTo(path: string, { limit }: PageQuery, next: string | null): Readonly<Record<string, string>> {
  return next === null ? {} : { Link: `<${path}?limit=${limit}&cursor=${encodeURIComponent(next)}>; rel="next"` };
}
