// What editors were told, and what readers may therefore expect: the judge of every answer.

interface Publication {
  readonly version: number;
  readonly position: number;
  /** When the editor had the answer, in milliseconds of performance.now(). */
  readonly at: number;
}

export interface Ledger {
  published(entry: string, publication: Publication): void;
  /** The version that an answer at or past `position` must at least have; 0: nothing is known. */
  leastVersion(entry: string, position: number): number;
  /** For how long, when the request was sent, a newer version than the one it got had been acknowledged. 0: it got the newest. */
  staleness(entry: string, version: number, sentAt: number): number;
  /** Whether anything was published while this was looked at: staleness says nothing of an entry that never changed. */
  isChanged(entry: string): boolean;
}

export function openLedger(): Ledger {
  const entries = new Map<string, Publication[]>();
  const of = (entry: string): readonly Publication[] => entries.get(entry) ?? [];
  return {
    published(entry, publication) {
      entries.set(entry, [...of(entry), publication]);
    },
    leastVersion: (entry, position) =>
      of(entry).reduce((least, one) => (one.position <= position ? Math.max(least, one.version) : least), 0),
    staleness: (entry, version, sentAt) =>
      of(entry).reduce((most, one) => (one.version > version ? Math.max(most, sentAt - one.at) : most), 0),
    isChanged: (entry) => entries.has(entry),
  };
}
