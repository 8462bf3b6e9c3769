// The gateways' counters and faults, from the control port.
import type { RedisTally, Tally } from "../../local/counters.ts";

export interface Counted {
  /** Requests to Postgres that requests to the Worker made, by node; jobs are left out. */
  readonly postgres: Readonly<Record<string, Tally>>;
  readonly redis: RedisTally;
}

export async function readTallies(control: string): Promise<Counted> {
  const answer = (await (await fetch(`${control}/counters?by=caller`)).json()) as {
    postgres: Record<string, Record<string, Tally>>;
    redis: RedisTally;
  };
  const nothing: Tally = { requests: 0, statements: 0 };
  const postgres = Object.entries(answer.postgres).map(([node, callers]) => [node, callers["request"] ?? nothing]);
  return { postgres: Object.fromEntries(postgres) as Record<string, Tally>, redis: answer.redis };
}

export const queriesOf = ({ postgres }: Counted): number =>
  Object.values(postgres).reduce((sum, { requests }) => sum + requests, 0);

export const statementsOf = ({ postgres }: Counted): number =>
  Object.values(postgres).reduce((sum, { statements }) => sum + statements, 0);

export async function resetTallies(control: string): Promise<void> {
  await fetch(`${control}/counters`, { method: "DELETE" });
}

export async function control(at: string, method: "PUT" | "DELETE", path: string, body?: unknown): Promise<void> {
  const response = await fetch(`${at}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}
