// Where a webhook may lead: to the public internet by https, and nowhere else. Judged when it is saved and again at every attempt, because
// names change their minds. What a Worker cannot do is pin the address that it judged: see docs/decisions.
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import type { Addresses, Resolver } from "./ports.ts";

export interface Destinations {
  /** `undefined`: allowed. A name that does not resolve, or cannot be asked about, is allowed: it is judged when it is sent to. */
  whyNotSave(url: string): Promise<Fault | undefined>;
  /** `undefined`: allowed. A name that does not resolve is not. Throws when the resolver is away. */
  whyNotSend(url: string): Promise<string | undefined>;
}

export const URL_MOST = 2_000;
/** RFC 6761, RFC 8375, RFC 9476's neighbours: names that are never of the public internet. */
const SPECIAL_NAMES = ["localhost", "local", "internal", "home.arpa", "test", "invalid", "onion"];

/** `development`: http to loopback is allowed, in a literal address or as `localhost`. */
export function destinations(
  { addresses, resolver }: { readonly addresses: Addresses; readonly resolver: Resolver },
  development: boolean,
): Destinations {
  type Judged = { readonly why: string } | { readonly name: string } | "allowed";

  function judge(text: string): Judged {
    if (text.length > URL_MOST) return { why: `it is longer than ${URL_MOST} characters` };
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) return { why: "it is not a URL" };
    if (url.username !== "" || url.password !== "") return { why: "it holds credentials" };
    const host = url.hostname.replace(/\.+$/, "").toLowerCase();
    const kind = addresses.kindOf(host);
    const isLoopback = kind === "loopback" || host === "localhost";
    if (development && isLoopback && (url.protocol === "http:" || url.protocol === "https:")) return "allowed";
    if (url.protocol !== "https:") return { why: `its scheme is "${url.protocol.slice(0, -1)}", not "https"` };
    if (kind === "public") return "allowed";
    if (kind !== undefined) return { why: `${quote(host)} is not an address of the public internet` };
    if (!host.includes(".")) return { why: `${quote(host)} is not a name of the public internet` };
    const special = SPECIAL_NAMES.find((name) => host === name || host.endsWith(`.${name}`));
    return special === undefined
      ? { name: host }
      : { why: `names under ${quote(special)} are not of the public internet` };
  }

  /** One bad address is enough: which one a connection takes is not ours to say. */
  function whyNotThese(name: string, found: readonly string[]): string | undefined {
    const bad = found.find((address) => addresses.kindOf(address) !== "public");
    return bad === undefined
      ? undefined
      : `${quote(name)} resolves to ${quote(bad)}, which is not an address of the public internet`;
  }

  return {
    async whyNotSave(url) {
      const judged = judge(url);
      if (judged === "allowed") return undefined;
      if ("why" in judged) return notAllowed(url, judged.why);
      const found = await attempt(() => resolver.resolve(judged.name));
      const why = found.ok ? whyNotThese(judged.name, found.value) : undefined;
      return why === undefined ? undefined : notAllowed(url, why);
    },
    async whyNotSend(url) {
      const judged = judge(url);
      if (judged === "allowed") return undefined;
      if ("why" in judged) return judged.why;
      const found = await resolver.resolve(judged.name);
      if (found.length === 0) return `${quote(judged.name)} does not resolve`;
      return whyNotThese(judged.name, found);
    },
  };
}

function notAllowed(url: string, why: string): Fault {
  const detail = `Cannot send to ${quote(url)}: ${why}`;
  return fault("invalid", "url-not-allowed", detail, {
    errors: [{ pointer: "/url", code: "url-not-allowed", detail }],
  });
}
