// An outage as a value, for work that goes on without its result.

export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** For log lines: the error's name and, for our own outages, what they say; messages of others may quote what they were sent. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return error.name === "Outage" ? error.message : error.name;
}
