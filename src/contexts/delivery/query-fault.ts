// How a query is refused: 400, every offending parameter named and quoted.
import { type Fault, type FaultItem, fault } from "../../kernel/fault.ts";
import { type Result, refuse } from "../../kernel/result.ts";

/** More would say nothing new. */
const MAX_ITEMS = 100;

export function complaint(parameter: string, code: string, detail: string): FaultItem {
  // A hostile name must not fill a log line; real ones are shorter.
  return { parameter: parameter.slice(0, 200), code, detail };
}

export function refuseQuery(items: readonly FaultItem[]): Result<never> {
  return refuse(queryFault(items));
}

function queryFault(items: readonly FaultItem[]): Fault {
  const [first] = items;
  const sentence =
    first === undefined ? "it is not understood" : first.detail.charAt(0).toLowerCase() + first.detail.slice(1);
  const more = items.length > 1 ? ` (and ${items.length - 1} more)` : "";
  return fault("malformed", first?.code ?? "invalid-parameter", `Cannot accept the query: ${sentence}${more}`, {
    errors: items.slice(0, MAX_ITEMS),
  });
}
