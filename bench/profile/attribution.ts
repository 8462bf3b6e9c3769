// Whose time a sample was: the bundle's lines belong to files, files to steps of the path of a read.
import type { CpuProfile } from "./inspector.ts";

/** In order: the first that fits has it. Files that no step claims are shown by themselves. */
export const STEPS: readonly { readonly step: string; readonly files: RegExp }[] = [
  {
    step: "headers and answer",
    files:
      /src\/http\/(edge\/kept-answer|answer|cache-control|conditions|cors|entity-tag|security-headers|render)|quick-hash/,
  },
  { step: "identify", files: /src\/http\/(middleware\/identify|knowledge|lessons)|src\/contexts\/tenancy|webcrypto/ },
  {
    step: "admit",
    files:
      /src\/platform\/admission|src\/http\/(middleware\/admit|rate-limit|worth)|rate-limit-walls|(exact|spending)-counter/,
  },
  {
    step: "key",
    files: /edge-cache\/key|src\/http\/(edge\/question|intake|input|address)|src\/contexts\/delivery\/(query|asking)/,
  },
  { step: "freshness", files: /src\/platform\/(freshness|edge-cache\/judge)|src\/adapters\/upstash|tag-hash/ },
  { step: "tiers", files: /src\/platform\/edge-cache|src\/adapters\/cloudflare/ },
  { step: "hot path", files: /src\/http\/edge\/hot-path/ },
  { step: "log and telemetry", files: /src\/platform\/telemetry|src\/http\/middleware\/observe/ },
  { step: "database", files: /src\/platform\/(database|resilience)|src\/adapters\/neon|@neondatabase|drizzle-orm/ },
  { step: "use case", files: /src\/contexts\// },
  { step: "Hono", files: /node_modules\/hono/ },
  { step: "long way", files: /src\/(http|compose|worker)/ },
];

export interface Share {
  readonly step: string;
  /** Microseconds. */
  readonly us: number;
}

export interface Attribution {
  readonly steps: readonly Share[];
  readonly files: readonly { readonly file: string; readonly us: number }[];
}

/**
 * Self time, so that nothing is counted twice. What the platform does for a function (headers, text, digests) is that function's.
 * `(program)` is the runtime outside JavaScript: sockets and HTTP. What stands before the first file is the bundler's `__name`, which gives
 * every function its name again whenever it is made. Idle time is left out; `gap`: microseconds without a sample that were idle.
 */
export function attribute(profile: CpuProfile, bundle: string, gap = Number.POSITIVE_INFINITY): Attribution {
  const fileOf = filesByLine(bundle);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)),
  );
  const ownerOf = (id: number | undefined): string => {
    const frame = nodes.get(id ?? 0)?.callFrame;
    if (frame === undefined) return "(unknown)";
    if (/^\((?!anonymous)/.test(frame.functionName)) return frame.functionName;
    return frame.url === ""
      ? ownerOf(parents.get(id ?? 0))
      : (fileOf(frame.lineNumber) ?? "(names kept by the bundler)");
  };
  const byFile = new Map<string, number>();
  for (const [n, id] of profile.samples.entries()) {
    const file = ownerOf(id);
    if (file === "(idle)") continue;
    const lasted = Math.max(0, profile.timeDeltas[n] ?? 0);
    if (lasted <= gap) byFile.set(file, (byFile.get(file) ?? 0) + lasted);
  }
  const bySteps = new Map<string, number>();
  for (const [file, us] of byFile) {
    const step = file.startsWith("(") ? file : (STEPS.find(({ files }) => files.test(file))?.step ?? "other");
    bySteps.set(step, (bySteps.get(step) ?? 0) + us);
  }
  const sorted = <T extends { us: number }>(some: T[]): T[] => some.sort((a, b) => b.us - a.us);
  return {
    steps: sorted([...bySteps].map(([step, us]) => ({ step, us }))),
    files: sorted([...byFile].map(([file, us]) => ({ file, us }))),
  };
}

/** A bundle that is not minified says before each file's text which one it is: `// src/http/http.ts`. Lines count from 0. */
export function filesByLine(bundle: string): (line: number) => string | undefined {
  const starts: { readonly line: number; readonly file: string }[] = [];
  for (const [line, text] of bundle.split("\n").entries()) {
    const file = /^\s*\/\/ ((?:src|node_modules|\.\.)\/\S+\.(?:ts|m?js))$/.exec(text)?.[1];
    if (file !== undefined) starts.push({ line, file });
  }
  return (line) => starts.findLast((start) => start.line <= line)?.file;
}
