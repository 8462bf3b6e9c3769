// The query of a list that goes on after an id: how many, and after which.
import * as z from "zod";
import { readQuery } from "../input.ts";
import type { QueryReader } from "../operation.ts";

const LIMIT_DEFAULT = 20;
const LIMIT_MOST = 1_000;

const isLimit = (text: string): boolean => /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= LIMIT_MOST;

const documented = z.strictObject({
  limit: z
    .string()
    .refine(isLimit, { error: `a whole number from 1 to ${LIMIT_MOST}` })
    .optional()
    .meta({
      description: "How many at most.",
      override: { type: "integer", minimum: 1, maximum: LIMIT_MOST, default: LIMIT_DEFAULT },
    }),
  after: z.string().max(200).optional().meta({ description: "`page.next` of the page before." }),
});

export interface AfterQuery {
  readonly limit: number;
  readonly after: string | undefined;
}

export const afterQuery: QueryReader<AfterQuery> = {
  documented,
  read(query) {
    const read = readQuery(documented, query);
    if (!read.ok) return read;
    const { limit, after } = read.value;
    return { ok: true, value: { limit: limit === undefined ? LIMIT_DEFAULT : Number(limit), after } };
  },
};

export function linkAfter(path: string, { limit }: AfterQuery, next: string | null): Readonly<Record<string, string>> {
  return next === null ? {} : { Link: `<${path}?limit=${limit}&after=${encodeURIComponent(next)}>; rel="next"` };
}
