// DELETE /v1/dead-letters/{id}
import { operator } from "../operation.ts";
import { letterParams } from "./dead-letter-schema.ts";
import { onceOf, openSettled, written } from "./settle-letter.ts";

const DELETED = { status: 204, headers: {}, body: "" };

export const deleteDeadLetter = operator({
  id: "deleteDeadLetter",
  tag: "Dead letters",
  summary: "Delete a dead letter",
  description: "What it spoke of is given up for good; a subscriber that stopped at it goes on behind it.",
  params: letterParams,
  answers: [{ status: 204, description: "Deleted." }],
  faults: ["dead-letter-missing"],
  async handle({ clock, space, data }, { params }) {
    const { letters, ring } = data.deadLetters;
    const settled = await letters.drop(params.id, clock.now(), onceOf(data, DELETED));
    const opened = openSettled(settled, params.id, space);
    if (opened.is === "answer") return opened.answer;
    const { freed } = opened;
    if (freed.subscriber !== null && freed.space !== undefined)
      await ring({ ...freed.space, position: freed.position });
    return written(DELETED, false);
  },
});
