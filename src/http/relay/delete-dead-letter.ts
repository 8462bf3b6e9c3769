// DELETE /v1/dead-letters/{id}
import { fault, quote } from "../../kernel/fault.ts";
import { ORIGIN } from "../../kernel/position.ts";
import { ok, refuse } from "../../kernel/result.ts";
import { operator } from "../operation.ts";
import { letterParams } from "./dead-letter-schema.ts";

export const deleteDeadLetter = operator({
  id: "deleteDeadLetter",
  tag: "Dead letters",
  summary: "Delete a dead letter",
  description: "What it spoke of is given up for good; a subscriber that stopped at it goes on behind it.",
  params: letterParams,
  answers: [{ status: 204, description: "Deleted." }],
  faults: ["dead-letter-missing"],
  async handle({ data: { deadLetters } }, { params }) {
    const freed = await deadLetters.letters.drop(params.id);
    if (freed === undefined)
      return refuse(fault("missing", "dead-letter-missing", `There is no dead letter ${quote(params.id)}`));
    if (freed.subscriber !== null && freed.space !== undefined)
      await deadLetters.ring({ ...freed.space, position: freed.position });
    return ok({
      rendered: { status: 204, headers: {}, body: "" },
      position: ORIGIN,
      replayed: false,
      unchanged: false,
    });
  },
});
