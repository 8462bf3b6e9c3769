// Every kind of job. To add one: a file that makes a JobKind, and a line here; its operations come from http/jobs/job-operations.ts.
import { generate } from "../contexts/generation/generation.ts";
import { importKind } from "../contexts/transfer/transfer.ts";
import { type FanOutParts, timesOf, wakesOf } from "../contexts/webhooks/webhooks.ts";
import type { JobKind } from "../platform/jobs/job.ts";
import type { AfterwardsParts } from "./afterwards.ts";

export function jobKinds(parts: AfterwardsParts, telling: FanOutParts): readonly JobKind[] {
  const { call, clock, uuid, readerOf, openWriter, render, imports, drafting } = parts;
  return [
    generate({ ...drafting, clock, readerOf, openWriter, render }),
    importKind({
      ...{ call, clock, uuid, readerOf },
      ...imports,
      told: {
        times: (space, head) => timesOf(telling, space, head),
        wake: (space, wakes) => telling.waker.deliveries(space, wakesOf(wakes)),
      },
    }),
  ];
}
