// The local system's DNS over HTTPS (JSON form), over plain http: it knows the names that the control server was told, and no others.
import { createServer } from "node:http";
import { isIPv6 } from "node:net";
import { listen } from "./listen.ts";

export type Resolver = {
  readonly url: string;
  /** Addresses by name. A name without any does not exist. */
  readonly names: Map<string, readonly string[]>;
  readonly stop: () => Promise<void>;
};

const TYPES = { A: 1, AAAA: 28 } as const;

export async function startResolver(): Promise<Resolver> {
  const names = new Map<string, readonly string[]>();
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "/", "http://resolver").searchParams;
    const known = names.get(query.get("name") ?? "");
    const type = query.get("type") === "AAAA" ? "AAAA" : "A";
    const found = (known ?? []).filter((address) => isIPv6(address) === (type === "AAAA"));
    const answer = found.map((data) => ({ name: query.get("name"), type: TYPES[type], TTL: 0, data }));
    response.writeHead(200, { "Content-Type": "application/dns-json" });
    response.end(JSON.stringify({ Status: known === undefined ? 3 : 0, Answer: answer }));
  });
  const { port, stop } = await listen(server, 0);
  return { url: `http://127.0.0.1:${port}/dns-query`, names, stop };
}
