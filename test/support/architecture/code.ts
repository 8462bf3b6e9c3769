// Rules about what stands inside a file: exceptions, time and chance, `any`, default exports, suppressions.
import { fileRule, type Rule } from "./rule.ts";
import { isNode, memberOf, type Node, nameOf, type Source } from "./source.ts";
import { CATCHERS, COUNTED_CATCHES, roomOf } from "./table.ts";

const SRC = /^src\//;
const OURS = /^(?:src|local|bench)\//;

export const codeRules: readonly Rule[] = [
  fileRule(
    "catches",
    "exceptions are caught in the two translations, the door, adapters, edge-cache, admission and resilience; others are counted",
    SRC,
    (source) => {
      if (CATCHERS.some((pattern) => pattern.test(source.path))) return [];
      const catches = catchesOf(source);
      return catches.length > (COUNTED_CATCHES[source.path]?.count ?? 0) ? catches : [];
    },
  ),
  fileRule("throws", "a domain refuses with a value and never throws", /^src\/contexts\/[^/]+\/domain\//, (source) =>
    at(source, ({ type }) => type === "ThrowStatement", "throw"),
  ),
  fileRule(
    "time-and-chance",
    "time comes from a Clock; kernel and contexts get randomness from outside as well (adapters, compose and local are the outside)",
    SRC,
    (source) => {
      const room = roomOf(source.path);
      if (room === "adapters" || room === "compose" || room === "worker") return [];
      const inside = room === "kernel" || room === "domain" || room === "context";
      return source.nodes.flatMap((node) => {
        const found = readsTime(node) ?? (inside ? takesChance(node) : undefined);
        return found === undefined ? [] : [{ line: source.lineOf(node), found }];
      });
    },
  ),
  fileRule("any", "no any: unknown, and a check", OURS, (source) =>
    at(source, ({ type }) => type === "TSAnyKeyword", "any"),
  ),
  fileRule("default-exports", "named exports only; a Worker's door alone has a default", OURS, (source) =>
    source.path === "src/worker.ts" || source.path.startsWith("bench/bare/")
      ? []
      : at(source, isDefaultExport, "default export"),
  ),
  fileRule("suppressions", "a suppression is of one line and carries a reason", OURS, (source) =>
    comments(source).flatMap(({ line, comment }) => {
      if (/@ts-(?:ignore|nocheck)/.test(comment)) return [{ line, found: "use @ts-expect-error with a reason" }];
      if (/@ts-expect-error\W*$/.test(comment)) return [{ line, found: "@ts-expect-error without a reason" }];
      return /biome-ignore(?!\S*\s+\S+:\s*\S.{2})/.test(comment)
        ? [{ line, found: "biome-ignore without a reason" }]
        : [];
    }),
  ),
  fileRule("unfinished", "no notes to do something later: an issue, or nothing", OURS, (source) =>
    comments(source).flatMap(({ line, comment }) =>
      /\b(?:TODO|FIXME|XXX|HACK)\b/.test(comment) ? [{ line, found: comment.trim() }] : [],
    ),
  ),
];

export function catchesOf(source: Source): readonly { readonly line: number; readonly found: string }[] {
  return at(source, isCatch, "catch");
}

function at(source: Source, is: (node: Node) => boolean, found: string): readonly { line: number; found: string }[] {
  return source.nodes.filter(is).map((node) => ({ line: source.lineOf(node), found }));
}

/** `catch` of a try, of a promise, and the second function of `then`. */
function isCatch(node: Node): boolean {
  if (node.type === "CatchClause") return true;
  if (node.type !== "CallExpression") return false;
  const method = memberOf(node["callee"])?.split(".").at(-1);
  return method === "catch" || (method === "then" && (node["arguments"] as readonly unknown[]).length > 1);
}

function isDefaultExport(node: Node): boolean {
  return (
    node.type === "ExportDefaultDeclaration" ||
    (node.type === "ExportSpecifier" && nameOf(node["exported"]) === "default") ||
    node.type === "TSExportAssignment"
  );
}

function readsTime(node: Node): string | undefined {
  if (memberOf(node) === "Date.now") return "Date.now";
  const bareDate = isNode(node["callee"]) && nameOf(node["callee"]) === "Date";
  if (bareDate && (node.type === "CallExpression" || (node["arguments"] as readonly unknown[]).length === 0))
    return "new Date()";
  return undefined;
}

function takesChance(node: Node): string | undefined {
  const member = memberOf(node);
  return member === "Math.random" || member === "crypto.randomUUID" || member === "crypto.getRandomValues"
    ? member
    : undefined;
}

/** Every line of every comment. What stands in strings, templates and regular expressions is none. */
function comments({ text, nodes }: Source): readonly { readonly line: number; readonly comment: string }[] {
  let code = text;
  for (const { type, start, end } of nodes) {
    if (type !== "Literal" && type !== "TemplateElement") continue;
    code = code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, " ") + code.slice(end);
  }
  return [...code.matchAll(/\/\/.*|\/\*[\s\S]*?\*\//g)].flatMap(({ 0: found, index }) => {
    const first = code.slice(0, index).split("\n").length;
    return found.split("\n").map((comment, at) => ({ line: first + at, comment }));
  });
}
