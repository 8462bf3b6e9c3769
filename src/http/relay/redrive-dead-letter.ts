// POST /v1/dead-letters/{id}/redrive
import * as z from "zod";
import { fault, quote } from "../../kernel/fault.ts";
import { ORIGIN } from "../../kernel/position.ts";
import { ok, refuse } from "../../kernel/result.ts";
import { operator } from "../operation.ts";
import { letterParams } from "./dead-letter-schema.ts";

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
  async handle({ clock, data: { deadLetters } }, { params }) {
    const { letters, send, ring } = deadLetters;
    const freed = await letters.redrive(params.id, clock.now());
    if (freed === undefined)
      return refuse(fault("missing", "dead-letter-missing", `There is no dead letter ${quote(params.id)}`));
    if (freed.subscriber === null) {
      // Sent before it is dropped: a crash between sends it twice, which its consumer is used to.
      if (!(await send(freed.queue, freed.body ?? "null"))) {
        const detail = `Cannot redrive ${quote(params.id)}: no queue is called ${quote(freed.queue)}`;
        return refuse(fault("conflict", "queue-missing", detail));
      }
      await letters.drop(params.id);
    } else if (freed.space !== undefined) await ring({ ...freed.space, position: freed.position });
    const body = JSON.stringify({ id: params.id, redriven: true });
    const rendered = { status: 202, headers: { "Content-Type": "application/json" }, body };
    return ok({ rendered, position: ORIGIN, replayed: false, unchanged: false });
  },
});
