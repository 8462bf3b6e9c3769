// POST /v1/dead-letters/{id}/redrive
import * as z from "zod";
import { fault, quote } from "../../kernel/fault.ts";
import { refuse } from "../../kernel/result.ts";
import { operator } from "../operation.ts";
import { letterParams } from "./dead-letter-schema.ts";
import { onceOf, openSettled, written } from "./settle-letter.ts";

export const redriveDeadLetter = operator({
  id: "redriveDeadLetter",
  tag: "Dead letters",
  summary: "Redrive a dead letter",
  description:
    "A message goes back into its queue, an event to its subscriber, and a subscriber that stopped at it goes on. Doing it twice does no harm.",
  params: letterParams,
  answers: [
    {
      status: 202,
      description: "On its way.",
      schema: z.object({ id: z.string(), redriven: z.literal(true) }).meta({ id: "Redriven" }),
    },
  ],
  faults: ["dead-letter-missing", "queue-missing"],
  async handle({ clock, space, data }, { params }) {
    const { letters, send, ring } = data.deadLetters;
    const body = JSON.stringify({ id: params.id, redriven: true });
    const rendered = { status: 202, headers: { "Content-Type": "application/json" }, body };
    const once = onceOf(data, rendered);
    const opened = openSettled(await letters.redrive(params.id, clock.now(), once), params.id, space);
    if (opened.is === "answer") return opened.answer;
    const { freed } = opened;
    if (freed.subscriber === null) {
      // Sent before it is dropped: a crash between sends it twice, which its consumer is used to.
      if (!(await send(freed.queue, freed.body ?? "null"))) {
        const detail = `Cannot redrive ${quote(params.id)}: no queue is called ${quote(freed.queue)}`;
        return refuse(fault("conflict", "queue-missing", detail));
      }
      await letters.drop(params.id, clock.now(), once);
    } else if (freed.space !== undefined) await ring({ ...freed.space, position: freed.position });
    return written(rendered, false);
  },
});
