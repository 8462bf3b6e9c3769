// A query's parameters with the types that their schema gives them.
import type * as z from "zod";
import { readQuery } from "../input.ts";
import type { QueryReader } from "../operation.ts";

export function typedQuery<S extends z.ZodObject>(documented: S): QueryReader<z.output<S>> {
  return { documented, read: (query) => readQuery(documented, query) };
}
