// What OpenMetrics 1.0 asks of a text beyond what the older format does: one place a family, units in names, no sample twice, an end.

const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const SUFFIXES: Readonly<Record<string, string>> = { gauge: "", info: "_info" };

export function metricFaults(text: string): readonly string[] {
  const faults: string[] = [];
  const lines = text.split("\n");
  if (!text.endsWith("# EOF\n")) faults.push("it does not end with # EOF");
  const types = new Map<string, string>();
  const seen = new Set<string>();
  const closed = new Set<string>();
  let open = "";
  const enter = (family: string): void => {
    if (family === open) return;
    closed.add(open);
    if (closed.has(family)) faults.push(`${family} is not in one place`);
    open = family;
  };
  for (const line of lines) {
    if (line === "" || line === "# EOF") continue;
    const [, keyword, family = "", rest = ""] = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword !== undefined) {
      enter(family);
      if (keyword === "TYPE") types.set(family, rest);
      if (keyword === "UNIT" && !family.endsWith(`_${rest}`)) faults.push(`${family} does not end with its unit`);
      continue;
    }
    const [, name = "", labels = ""] = SAMPLE.exec(line) ?? [];
    if (name === "") {
      faults.push(`no sample: ${JSON.stringify(line)}`);
      continue;
    }
    const of = [...types].find(([one, type]) => `${one}${SUFFIXES[type]}` === name)?.[0];
    if (of === undefined) {
      faults.push(`${name} has no TYPE`);
      continue;
    }
    enter(of);
    if (seen.has(name + labels)) faults.push(`${name}${labels} is there twice`);
    seen.add(name + labels);
  }
  return faults;
}
