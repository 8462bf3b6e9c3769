// npm run rebuild: replays the events of every space, compares the read models with the fold, and repairs them when asked.
//     npm run rebuild -- [--space atlas] [--repair] [--database postgres://owner:…@host/meridian]…
// Without --database: the local stack that runs, found by PORT. Exits with 1 when differences are left. Others may write meanwhile.
import { parseArgs } from "node:util";
import { rebuild, type SpaceReport } from "./rebuild/rebuild-space.ts";
import type { Topology } from "./topology.ts";

const { values } = parseArgs({
  options: {
    database: { type: "string", multiple: true },
    space: { type: "string" },
    repair: { type: "boolean", default: false },
  },
});
const databases = values.database ?? (await localPrimaries());
let spaces = 0;
let left = 0;
for await (const report of rebuild({ databases, space: values.space, repair: values.repair })) {
  spaces += 1;
  left += print(report);
}
if (values.space !== undefined && spaces === 0) throw new Error(`There is no space "${values.space}"`);
console.log(
  `${spaces} space${spaces === 1 ? "" : "s"} compared${left === 0 ? ": read models equal their logs" : `, ${left} differences left`}`,
);
process.exitCode = left === 0 ? 0 : 1;

/** Answers how many differences are left. */
function print({ space, id, differences, repaired }: SpaceReport): number {
  const found = [...differences.values()].reduce((sum, { count }) => sum + count, 0);
  if (found === 0) return 0;
  console.log(
    `space ${id ?? "without a name"} (${space}): ${found} differences${values.repair ? `, ${repaired} rows repaired` : ""}`,
  );
  for (const [table, { count, examples }] of differences) {
    console.log(`  ${table}: ${count}`);
    for (const { what, key, columns } of examples)
      console.log(`    ${what} ${JSON.stringify(key)}${columns.length > 0 ? `: ${columns.join(", ")}` : ""}`);
  }
  return values.repair ? 0 : found;
}

async function localPrimaries(): Promise<readonly string[]> {
  const control = `http://127.0.0.1:${Number(process.env["PORT"] || 8787) + 1}`;
  const answer = await fetch(`${control}/topology`).catch((cause: unknown) => {
    throw new Error(
      `No local stack answers at ${control}: start it with npm run dev, or name databases with --database`,
      { cause },
    );
  });
  const { shards, postgres } = (await answer.json()) as Topology & {
    readonly postgres: Readonly<Record<string, string>>;
  };
  return shards.map(({ primary }) => postgres[primary.name] ?? "");
}
