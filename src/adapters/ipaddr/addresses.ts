// Which literal addresses are of the public internet, by IANA's special-purpose registries as ipaddr.js knows them.
import ipaddr from "ipaddr.js";
import type { Addresses } from "../../contexts/webhooks/webhooks.ts";

/** All of IPv6 that is given out for the public internet. Everything outside embeds or means something else. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** Documentation, and Teredo, ORCHID and others of 2001::/23. */
const NOT_PUBLIC = ["2001:db8::/32", "3fff::/20", "2001::/23"].map((range) => ipaddr.IPv6.parseCIDR(range));

export const addresses: Addresses = {
  kindOf(host) {
    const text = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
    if (!ipaddr.isValid(text)) return undefined;
    const address = ipaddr.parse(text);
    const range = address.range();
    if (range === "loopback") return "loopback";
    if (range !== "unicast") return "special";
    // An address within an address (IPv4-mapped, NAT64, 6to4) is refused whatever it holds: nobody writes a public one so by accident.
    if (address instanceof ipaddr.IPv6)
      return address.match(GLOBAL_UNICAST) && !NOT_PUBLIC.some((range6) => address.match(range6))
        ? "public"
        : "special";
    return "public";
  },
};
