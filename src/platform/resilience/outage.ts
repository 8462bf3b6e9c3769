// What is thrown when a dependency did not do its work. Never shown to clients.

/** `open`, `full`: nothing was sent. `timeout`, `failed`: whether it took effect is not known. */
export type OutageReason = "open" | "full" | "timeout" | "failed";

const SAYS: Readonly<Record<OutageReason, string>> = {
  open: "is not asked: it failed a moment ago",
  full: "is not asked: too many calls are in flight",
  timeout: "did not answer in time",
  failed: "failed",
};

export class Outage extends Error {
  override readonly name = "Outage";
  readonly dependency: string;
  readonly reason: OutageReason;
  constructor(dependency: string, reason: OutageReason, options?: ErrorOptions) {
    super(`${dependency} ${SAYS[reason]}`, options);
    this.dependency = dependency;
    this.reason = reason;
  }
}

/** True when the guard refused before anything left this isolate. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof Outage && (error.reason === "open" || error.reason === "full");
}
