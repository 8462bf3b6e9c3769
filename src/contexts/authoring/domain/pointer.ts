// JSON Pointers, RFC 6901.

export function pointerTo(base: string, ...steps: readonly string[]): string {
  return base + steps.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
