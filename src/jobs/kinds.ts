// Every kind of job. To add one: a file that makes a JobKind, and a line here; its operations come from http/jobs/job-operations.ts.
import { type CheckSettings, schemaCheckKind } from "../contexts/authoring/authoring.ts";
import { generate } from "../contexts/generation/generation.ts";
import { decodeSpace, headStatement, spaceStatement } from "../contexts/tenancy/tenancy.ts";
import { importKind, openPace } from "../contexts/transfer/transfer.ts";
import { type FanOutParts, timesOf, wakesOf } from "../contexts/webhooks/webhooks.ts";
import type { Reader } from "../platform/database/database.ts";
import type { JobKind } from "../platform/jobs/job.ts";
import { Outage } from "../platform/resilience/outage.ts";
import type { AfterwardsParts } from "./afterwards.ts";

export function jobKinds(parts: AfterwardsParts, telling: FanOutParts): readonly JobKind[] {
  const { call, clock, uuid, readerOf, openWriter, render, imports, drafting } = parts;
  const { schemas, announcer, sleep, isBusy } = imports;
  return [
    generate({ ...drafting, clock, readerOf, openWriter, render }),
    schemaCheckKind({
      ...{ call, clock, uuid, readerOf, schemas, announcer, sleep, settingsOf },
      openPace: (last) => openPace(clock, isBusy, last),
    }),
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

async function settingsOf(reader: Reader): Promise<CheckSettings | undefined> {
  const answer = await reader.read([spaceStatement(reader.space.uid), headStatement(reader.space.uid)]);
  if (!answer.ok && answer.fault.kind !== "missing") throw new Outage("postgres", "failed", { cause: answer.fault });
  const [row, head] = answer.ok ? [answer.value.rows[0]?.[0], answer.value.rows[1]?.[0]] : [];
  if (row === undefined || head === undefined) return undefined;
  const { state, settings } = decodeSpace(row);
  const known = { settings: Number(head["settings_pos"]), schema: Number(head["schema_pos"]) };
  return state === "active" ? { locales: settings, known } : undefined;
}
