// Where a request comes from, as the platform says it: clients cannot set this header in production.

/** IPv4 as it is; of IPv6 the first 64 bits, since one subscriber has all the others. `undefined` where no platform is in front. */
export function addressOf(request: Request): string | undefined {
  const address = request.headers.get("cf-connecting-ip");
  if (address === null || address === "") return undefined;
  if (!address.includes(":")) return address;
  const mapped = /^(?:0*:)*:?(?:ffff:)(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  const all = [...groups, ...Array<string>(zeros).fill("0"), ...rest];
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
