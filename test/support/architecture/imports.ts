// Rules about what imports what: directions, packages, doors, and the tenant-bound ports.
import { posix } from "node:path";
import { fileRule, type Rule } from "./rule.ts";
import type { Import, Source } from "./source.ts";
import { BOUND_PORTS, CONFINED, contextOf, isDoor, KNOWS, type Room, roomOf, TABLE, type Target } from "./table.ts";

const SRC = /^src\//;

export const importRules: readonly Rule[] = [
  fileRule(
    "directions",
    "worker → compose → http, jobs → contexts → platform → kernel; adapters below compose; a domain sees the kernel only",
    SRC,
    ({ path, imports }) => {
      const room = roomOf(path);
      if (room === undefined) return [];
      return relative(imports, path).flatMap(({ line, typeOnly, to }) => {
        const target = targetOf(room, path, to);
        const sees = TABLE[room].sees;
        if (sees.includes(target) || (target === "door" && typeOnly && sees.includes("door types"))) return [];
        return [{ line, found: `${room} may not see ${to} (${target}); it sees ${sees.join(", ") || "nothing"}` }];
      });
    },
  ),
  fileRule(
    "acquaintance",
    "a context uses the door of another only where the written, acyclic list says so",
    /^src\/contexts\//,
    ({ path, imports }) => {
      const own = contextOf(path);
      return relative(imports, path).flatMap(({ line, to }) => {
        const other = contextOf(to);
        if (own === undefined || other === undefined || own === other || KNOWS[own]?.includes(other)) return [];
        return [{ line, found: `${own} does not know ${other}` }];
      });
    },
  ),
  fileRule(
    "packages",
    "a room imports the packages that the table lists for it, by exact specifier",
    SRC,
    ({ path, imports }) => {
      const room = roomOf(path);
      const allowed = room === undefined ? [] : TABLE[room].packages;
      if (allowed === "any") return [];
      return bare(imports)
        .filter(({ specifier }) => !allowed.includes(specifier))
        .map(({ specifier, line }) => ({
          line,
          found: `${room ?? "this file"} may not import ${specifier}; it may import ${allowed.join(", ") || "no package"}`,
        }));
    },
  ),
  fileRule("confined", "vendors stand in adapters and Hono in http, nowhere else", SRC, ({ path, imports }) => {
    const room = roomOf(path);
    return bare(imports).flatMap(({ specifier, line }) =>
      CONFINED.filter(({ packages, rooms }) => packages.test(specifier) && !rooms.some((one) => one === room)).map(
        ({ because }) => ({
          line,
          found: `${specifier}: ${because}`,
        }),
      ),
    );
  }),
  fileRule(
    "bound-data",
    "a context takes from platform/database the ports that are bound to a space, as types; nobody above platform takes the client",
    /^src\/(?:contexts|http|jobs)\//,
    ({ path, imports }) =>
      relative(imports, path)
        .filter(({ to }) => to.startsWith("src/platform/database/"))
        .flatMap(({ line, typeOnly, names, to }) => {
          if (contextOf(path) === undefined) {
            return names.some((name) => name === "SqlClient" || name === "*")
              ? [{ line, found: `${names.join(", ")} of ${to}` }]
              : [];
          }
          const unbound = names.filter((name) => !BOUND_PORTS.has(name));
          if (unbound.length > 0) return [{ line, found: `${unbound.join(", ")} of ${to} is not bound to a space` }];
          return typeOnly ? [] : [{ line, found: `import ${names.join(", ")} as types` }];
        }),
  ),
  fileRule(
    "specifiers",
    "an import names the file that exists, with its extension; no aliases, nothing computed, no require",
    /^(?:src|local|bench)\//,
    ({ imports }) =>
      imports.flatMap(({ specifier, line }) => {
        if (specifier === undefined) return [{ line, found: "a computed import cannot be checked" }];
        if (/^(?:#|@\/|~|\/|file:)/.test(specifier)) return [{ line, found: `${specifier} is an alias` }];
        if (/^\.\.?(?:\/|$)/.test(specifier) && !/\.[a-z0-9]+$/.test(specifier))
          return [{ line, found: `${specifier} has no extension` }];
        if (/^\.\.?\/.*\.[cm]?js$/.test(specifier)) return [{ line, found: `${specifier}: import the .ts file` }];
        return [];
      }),
  ),
  fileRule(
    "re-exports",
    "no barrels: only a context's door re-exports, by name and from its own context (worker.ts: Durable Object classes)",
    /^(?:src|local|bench)\//,
    (source) => {
      const door = isDoor(source.path);
      return [...reExports(source)].flatMap(({ specifier, names, line }) => {
        const to = specifier?.startsWith(".") ? posix.join(posix.dirname(source.path), specifier) : (specifier ?? "?");
        if (names.includes("*")) return [{ line, found: `everything of ${to}: export by name` }];
        if (door && contextOf(to) === contextOf(source.path)) return [];
        if (source.path === "src/worker.ts" && to.startsWith("src/adapters/cloudflare/")) return [];
        return [
          { line, found: `${names.join(", ")} of ${to}: ${door ? "another room" : "this is no context's door"}` },
        ];
      });
    },
  ),
];

type Readable = Import & { readonly specifier: string };

function readable(imports: readonly Import[]): readonly Readable[] {
  return imports.filter((one): one is Readable => one.specifier !== undefined);
}

function bare(imports: readonly Import[]): readonly Readable[] {
  return readable(imports).filter(({ specifier }) => !specifier.startsWith("."));
}

function relative(imports: readonly Import[], path: string): readonly (Readable & { readonly to: string })[] {
  return readable(imports)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map((one) => ({ ...one, to: posix.join(posix.dirname(path), one.specifier) }));
}

function targetOf(room: Room, path: string, to: string): Target {
  if (!to.startsWith("src/")) return "outside";
  const other = contextOf(to);
  if (other === undefined) {
    const target = roomOf(to);
    return target === undefined || target === "domain" || target === "context" ? "outside" : target;
  }
  if (contextOf(path) === other && (room === "context" || roomOf(to) === "domain")) return "own";
  return isDoor(to) ? "door" : "inside";
}

/** `export … from`, and the same in two steps: imported, then exported. */
function* reExports({ nodes, imports, lineOf }: Source): Generator<Omit<Import, "typeOnly" | "reExport">> {
  yield* imports.filter(({ reExport }) => reExport);
  const imported = new Map<unknown, string>();
  for (const node of nodes) {
    if (node.type !== "ImportDeclaration") continue;
    for (const one of node["specifiers"] as readonly { readonly local: { readonly name: string } }[]) {
      imported.set(one.local.name, (node["source"] as { readonly value: string }).value);
    }
  }
  for (const node of nodes) {
    if (node.type !== "ExportNamedDeclaration" || node["source"] !== null) continue;
    for (const one of node["specifiers"] as readonly { readonly local: { readonly name: string } }[]) {
      const specifier = imported.get(one.local.name);
      if (specifier !== undefined) yield { specifier, names: [one.local.name], line: lineOf(node) };
    }
  }
}
