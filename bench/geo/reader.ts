// One read of the simulation, judged by the ledger: how long it took, where it came from, and whether it was older than it may be.
import { ask, type Told } from "../load/ask.ts";
import { readSource } from "../load/sources.ts";
import { idOf } from "../workers/seed.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import type { Kind, RegionPlan, Sample, Traffic, TrafficPlan } from "./plan.ts";

export interface Entry {
  readonly space: string;
  readonly n: number;
}

/** Everything that one run of traffic notes down. */
export interface Notes {
  readonly plan: TrafficPlan;
  readonly ledger: Ledger;
  readonly samples: Sample[];
  readonly judged: { atLeast: number; older: number; notReached: number };
  readonly staleness: number[];
  readonly late: string[];
  readonly failures: Record<string, number>;
  sent: number;
}

export function openNotes(plan: TrafficPlan): Notes {
  const judged: { -readonly [P in keyof Traffic["judged"]]: number } = { atLeast: 0, older: 0, notReached: 0 };
  return { plan, ledger: openLedger(), samples: [], judged, staleness: [], late: [], failures: {}, sent: 0 };
}

/** What a publication may take to be seen, without Redis's lag. */
const LATE_MS = 2_000;
const LATE_SHOWN = 10;

export const nameOf = ({ space, n }: Entry): string => `${space}/${idOf(n)}`;

export interface Reading {
  readonly region: RegionPlan;
  readonly entry: Entry;
  /** When it was due; latency counts from then. */
  readonly due: number;
  readonly atLeast?: number;
  /** Probes are no traffic: their times are not summed up. */
  readonly kind?: "read" | "own" | "probe";
}

/** The version that came, or `undefined` when no good answer did. */
export async function read(notes: Notes, reading: Reading): Promise<{ version: number; sentAt: number } | undefined> {
  const { region, entry, due, atLeast, kind = "read" } = reading;
  const { plan, ledger, judged } = notes;
  const asksPosition = atLeast !== undefined && plan.hasPositions;
  const headers = asksPosition ? { ...region.headers, "Meridian-At-Least": String(atLeast) } : region.headers;
  const path = region.path.replace("{space}", entry.space).replace("{id}", idOf(entry.n));
  const told = await send(notes, "read", { port: region.port, path, headers });
  if (told === undefined) return undefined;
  if (asksPosition) judged.atLeast += 1;
  if (asksPosition && told.status === 503) {
    judged.notReached += 1;
    return undefined;
  }
  if (told.status !== 200) return void fail(notes, `read ${told.status}`);
  const { version } = JSON.parse(told.body) as { version: number };
  const name = nameOf(entry);
  if (asksPosition && isOlder(told, version, atLeast, ledger.leastVersion(name, atLeast))) judged.older += 1;
  if (ledger.isChanged(name)) judgeAge(notes, reading, told, version);
  if (kind !== "probe")
    note(notes, region, kind === "own" ? "own" : readSource(told.headers).isHit ? "hit" : "miss", told.to - due);
  return { version, sentAt: told.from };
}

function judgeAge(
  { ledger, staleness, late }: Notes,
  { region, entry, kind }: Reading,
  told: Told,
  version: number,
): void {
  const name = nameOf(entry);
  const ms = ledger.staleness(name, version, told.from);
  staleness.push(ms);
  if (ms <= LATE_MS || late.length >= LATE_SHOWN) return;
  const said = ["cache-status", "meridian-source", "meridian-position", "age"].map((header) =>
    told.headers.get(header),
  );
  late.push(
    `${Math.round(ms)} ms: ${kind ?? "read"} of ${name} version ${version} in ${region.name}: ${said.join(" · ")}`,
  );
}

function isOlder({ headers }: Told, version: number, position: number, least: number): boolean {
  return version < least || Number(headers.get("meridian-position") ?? -1) < position;
}

export function note({ samples }: Notes, { name }: RegionPlan, kind: Kind, ms: number): void {
  samples.push({ region: name, kind, ms });
}

export function fail({ failures }: Notes, what: string): void {
  failures[what] = (failures[what] ?? 0) + 1;
}

export async function send(notes: Notes, what: string, one: Parameters<typeof ask>[0]): Promise<Told | undefined> {
  notes.sent += 1;
  try {
    return await ask(one);
  } catch (error) {
    fail(notes, `${what}: ${String((error as { code?: unknown }).code ?? error)}`);
    return undefined;
  }
}
