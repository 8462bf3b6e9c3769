// The words of Neon's SQL over HTTP: what a request says and how results and errors are written down.
import type { DatabaseError } from "pg-protocol";
import type { Statement, StatementResult } from "./postgres-connection.ts";

export type NeonTarget = {
  readonly node: string;
  readonly user: string;
  readonly database: string;
  readonly caller: string;
};
export type NeonBody = { readonly statements: readonly Statement[]; readonly isBatch: boolean };
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const ISOLATION: Readonly<Record<string, string>> = {
  Serializable: "SERIALIZABLE",
  ReadUncommitted: "READ UNCOMMITTED",
  ReadCommitted: "READ COMMITTED",
  RepeatableRead: "REPEATABLE READ",
};

const DIAGNOSTICS = [
  ...["severity", "code", "detail", "hint", "position", "internalPosition", "internalQuery", "where", "schema"],
  ...["table", "column", "dataType", "constraint", "file", "line", "routine"],
] as const;

const targets = new Map<string, NeonTarget>();

/** The node is the first label of the host; a pooled host ends in `-pooler`. */
export function targetOf(connectionString: string): NeonTarget {
  const known = targets.get(connectionString);
  if (known !== undefined) return known;
  const url = new URL(connectionString);
  const target: NeonTarget = {
    node: (url.hostname.split(".", 1)[0] ?? "").replace(/-pooler$/, ""),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    caller: url.searchParams.get("application_name") ?? "",
  };
  if (targets.size < 1000) targets.set(connectionString, target);
  return target;
}

type Query = { readonly query: string; readonly params?: readonly Json[] };

export function readBody(text: string): NeonBody {
  const body = JSON.parse(text) as Query | { readonly queries: readonly Query[] };
  if ("queries" in body) return { statements: body.queries.map(toStatement), isBatch: true };
  return { statements: [toStatement(body)], isBatch: false };
}

function toStatement({ query, params }: Query): Statement {
  if (typeof query !== "string") throw new TypeError("query is not a string");
  return { text: query, values: (params ?? []).map(toText) };
}

/** Parameters travel as text and Postgres infers their types; arrays become Postgres arrays, objects JSON. */
function toText(value: Json): string | null {
  if (value === null || typeof value === "string") return value;
  return Array.isArray(value) ? toArray(value) : JSON.stringify(value);
}

function toArray(value: Json): string {
  if (value === null) return "NULL";
  if (Array.isArray(value)) return `{${value.map(toArray).join(",")}}`;
  return JSON.stringify(typeof value === "object" ? JSON.stringify(value) : value);
}

/** The BEGIN of a batch, or undefined when the isolation level is none that Neon knows. */
export function beginOf(isolation: string | undefined, readOnly: boolean, deferrable: boolean): string | undefined {
  const level = isolation === undefined ? "" : ISOLATION[isolation];
  if (level === undefined) return undefined;
  return `BEGIN${level === "" ? "" : ` ISOLATION LEVEL ${level}`}${readOnly ? " READ ONLY" : ""}${deferrable ? " DEFERRABLE" : ""}`;
}

export function resultText({ fields, rows, tag }: StatementResult, arrayMode: boolean): string {
  const command = tag.split(" ", 1)[0] ?? "";
  const count = /\d+$/.exec(tag);
  const shown = arrayMode
    ? rows
    : rows.map((row) => Object.fromEntries(fields.map((field, at) => [field.name, row[at] ?? null])));
  return `{"fields":${JSON.stringify(fields)},"rows":${JSON.stringify(shown)},"rowAsArray":${arrayMode},"command":${JSON.stringify(command)},"rowCount":${count === null ? "null" : count[0]}}`;
}

export function errorText(error: DatabaseError): string {
  const body: Record<string, string | null> = { message: error.message };
  for (const name of DIAGNOSTICS) body[name] = error[name] ?? null;
  return JSON.stringify(body);
}

/** An error that Neon's proxy makes itself: no SQLSTATE. */
export const proxyErrorText = (message: string): string => JSON.stringify({ message, code: null });
