// Names to addresses over HTTPS: the JSON form that public resolvers speak (`application/dns-json`). A Worker has no resolver of its own.
import type { Resolver } from "../../contexts/webhooks/webhooks.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import { Outage } from "../../platform/resilience/outage.ts";

const NO_ERROR = 0;
const NO_SUCH_NAME = 3;
const TYPES = { A: 1, AAAA: 28 } as const;

interface Reply {
  readonly Status?: number;
  readonly Answer?: readonly { readonly type: number; readonly data: string }[];
}

export function dnsOverHttps(endpoint: string, guard: Guard): Resolver {
  async function ask(name: string, type: keyof typeof TYPES, signal: AbortSignal): Promise<readonly string[]> {
    const url = new URL(endpoint);
    url.searchParams.set("name", name);
    url.searchParams.set("type", type);
    const response = await fetch(url, { headers: { Accept: "application/dns-json" }, redirect: "manual", signal });
    if (!response.ok) throw new Error(`The resolver answered ${response.status}`);
    const reply = (await response.json()) as Reply;
    if (reply.Status === NO_SUCH_NAME) return [];
    if (reply.Status !== NO_ERROR) throw new Error(`The resolver answered with status ${reply.Status}`);
    return (reply.Answer ?? []).filter((answer) => answer.type === TYPES[type]).map(({ data }) => data);
  }

  async function askBoth(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const found = await Promise.all([ask(name, "A", signal), ask(name, "AAAA", signal)]);
    return found.flat();
  }

  return {
    resolve: (name) =>
      guard.run(async (signal) => {
        try {
          return await askBoth(name, signal);
        } catch (error) {
          throw new Outage(guard.name, "failed", { cause: error });
        }
      }),
  };
}
