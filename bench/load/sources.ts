// Where answers say that they come from. A row of a report is called what its answers say, not what was hoped for.

export interface Source {
  /** `memory`, `colo`, `shield`, or the endpoint that was read. */
  readonly source: string;
  readonly isHit: boolean;
}

export async function sourceOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Source> {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return readSource(response.headers);
}

export function readSource(headers: Headers): Source {
  const status = headers.get("cache-status") ?? "";
  return { source: headers.get("meridian-source") ?? "unknown", isHit: /;\s*hit\b/.test(status) };
}

/** How many of some answers came from where: "memory 20" or "us-primary 18, shield 2". */
export async function sourcesOf(
  port: number,
  paths: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const found = new Map<string, number>();
  for (const path of paths) {
    const { source, isHit } = await sourceOf(`http://127.0.0.1:${port}${path}`, headers);
    const name = `${source}${isHit ? "" : " (no hit)"}`;
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return [...found].map(([name, count]) => `${name} ${count}`).join(", ");
}
