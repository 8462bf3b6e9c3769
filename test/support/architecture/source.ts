// Reads one TypeScript file as the rules see it: its syntax tree and everything it imports or re-exports.
import { parseAst } from "vitest/node";

/** A node of the ESTree + TypeScript syntax tree; members beyond these depend on `type`. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

export interface Import {
  /** As written; `undefined` when it is computed and therefore cannot be read. */
  readonly specifier: string | undefined;
  /** Names asked for; `*` for the whole module. */
  readonly names: readonly string[];
  /** True when nothing of it is left at run time. */
  readonly typeOnly: boolean;
  readonly reExport: boolean;
  readonly line: number;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  readonly nodes: readonly Node[];
  readonly imports: readonly Import[];
  lineOf(node: Node): number;
}

export function readSource(path: string, text: string): Source {
  const nodes = [...walk(parseAst(text, { lang: "ts" }, path) as unknown as Node)];
  const lineOf = (node: Node): number => text.slice(0, node.start).split("\n").length;
  return { path, text, nodes, imports: nodes.flatMap((node) => importOf(node, lineOf) ?? []), lineOf };
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** The text of a string literal or of a template without holes. */
export function literal(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.type === "Literal" && typeof value["value"] === "string") return value["value"];
  if (value.type !== "TemplateLiteral") return undefined;
  const quasis = value["quasis"] as readonly { readonly value: { readonly cooked: string } }[];
  return quasis.length === 1 ? quasis[0]?.value.cooked : undefined;
}

/** The name of an identifier, or the text of a name in quotes (`export { x as "default" }`). */
export function nameOf(value: unknown): string | undefined {
  return isNode(value) && value.type === "Identifier" ? (value["name"] as string) : literal(value);
}

/** `a.b` of a member expression (not computed), `b` alone when the object is no plain name. */
export function memberOf(value: unknown): string | undefined {
  if (!isNode(value) || value.type !== "MemberExpression" || value["computed"] === true) return undefined;
  return [nameOf(value["object"]), nameOf(value["property"])].filter((name) => name !== undefined).join(".");
}

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const member of Object.values(node)) {
    for (const child of Array.isArray(member) ? member : [member]) if (isNode(child)) yield* walk(child);
  }
}

function importOf(node: Node, lineOf: (node: Node) => number): Import | undefined {
  const line = lineOf(node);
  const specifiers = (node["specifiers"] ?? []) as readonly Node[];
  const only = (kind: string): boolean =>
    node[kind] === "type" || (specifiers.length > 0 && specifiers.every((one) => one[kind] === "type"));
  switch (node.type) {
    case "ImportDeclaration":
      return {
        specifier: literal(node["source"]),
        names: specifiers.map((one) =>
          one.type === "ImportSpecifier"
            ? (nameOf(one["imported"]) ?? "*")
            : one.type === "ImportDefaultSpecifier"
              ? "default"
              : "*",
        ),
        typeOnly: only("importKind"),
        reExport: false,
        line,
      };
    case "ExportNamedDeclaration":
      if (!isNode(node["source"])) return undefined;
      return {
        specifier: literal(node["source"]),
        names: specifiers.map((one) => nameOf(one["local"]) ?? "*"),
        typeOnly: only("exportKind"),
        reExport: true,
        line,
      };
    case "ExportAllDeclaration":
      return {
        specifier: literal(node["source"]),
        names: ["*"],
        typeOnly: node["exportKind"] === "type",
        reExport: true,
        line,
      };
    case "ImportExpression":
    case "TSImportType": {
      const typeOnly = node.type === "TSImportType";
      const name = typeOnly ? nameOf(node["qualifier"]) : undefined;
      return { specifier: literal(node["source"]), names: [name ?? "*"], typeOnly, reExport: false, line };
    }
    case "TSExternalModuleReference":
      return { specifier: literal(node["expression"]), names: ["*"], typeOnly: false, reExport: false, line };
    case "CallExpression":
      if (nameOf(node["callee"]) !== "require") return undefined;
      return {
        specifier: literal((node["arguments"] as readonly unknown[])[0]),
        names: ["*"],
        typeOnly: false,
        reExport: false,
        line,
      };
    default:
      return undefined;
  }
}
