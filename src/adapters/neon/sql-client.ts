// Postgres over HTTP through Neon's serverless driver. The driver has no timeout and no retry of its own: the caller brings a signal.
import { NeonDbError, type NeonQueryFunction, neon, neonConfig, types } from "@neondatabase/serverless";
import type { CallOptions, Row, SqlClient, Statement } from "../../platform/database/database.ts";
import { DatabaseError, DatabaseUnavailable, TooLarge } from "../../platform/database/outage.ts";
import type { Endpoint } from "../../platform/database/topology.ts";

type Driver = NeonQueryFunction<false, false>;

const INT8 = 20;
const NUMERIC = 1700;
const TIMESTAMPTZ = 1184;
const INT8_ARRAY = 1016;
const BYTEA = 17;

/** Postgres text to the forms that `Row` promises. Sessions run in UTC, so every timestamp ends in `+00`. */
function parser(oid: number): (text: string) => unknown {
  switch (oid) {
    case INT8:
    case NUMERIC:
      return Number;
    case TIMESTAMPTZ:
      return rfc3339;
    case BYTEA:
      return String;
    case INT8_ARRAY:
      return (text) => text.slice(1, -1).split(",").filter(Boolean).map(Number);
    default:
      return types.getTypeParser(oid, "text");
  }
}

/** `2026-11-22 05:55:36.1234+00` → `2026-11-22T05:55:36.123Z`. */
function rfc3339(text: string): string {
  const fraction = text.length > 20 && text[19] === "." ? text.slice(20).replace(/[+-].*$/, "") : "";
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(3, "0").slice(0, 3)}Z`;
}

const customTypes = { getTypeParser: parser } as unknown as typeof types;

/** `fetchEndpoint`: where to send SQL instead of Neon's own address; only the local stack sets it. */
export function neonClient(fetchEndpoint: string | undefined): SqlClient {
  if (fetchEndpoint !== undefined) neonConfig.fetchEndpoint = fetchEndpoint;
  const drivers = new Map<string, Driver>();

  function driver(endpoint: Endpoint, caller: string): Driver {
    const key = `${endpoint.name}/${caller}`;
    const known = drivers.get(key);
    if (known) return known;
    const url = new URL(endpoint.url);
    url.searchParams.set("application_name", caller);
    const made = neon(url.href, { types: customTypes });
    drivers.set(key, made);
    return made;
  }

  return {
    async snapshot(endpoint, statements, options) {
      const sql = driver(endpoint, options.caller);
      return await answered(endpoint, options, (signal) =>
        sql.transaction(
          // Type parsers are taken from each query, not from the driver.
          statements.map((s) => sql.query(s.text, [...s.params], { types: customTypes })),
          { isolationLevel: "RepeatableRead", readOnly: true, fetchOptions: { signal } },
        ),
      );
    },
    async call(endpoint: Endpoint, statement: Statement, options: CallOptions) {
      const sql = driver(endpoint, options.caller);
      return (await answered(endpoint, options, (signal) =>
        sql.query(statement.text, [...statement.params], { types: customTypes, fetchOptions: { signal } }),
      )) as Row[];
    },
  };
}

async function answered<T>(
  endpoint: Endpoint,
  options: CallOptions,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await ask(options.signal);
  } catch (error) {
    if (error instanceof NeonDbError && error.code)
      throw new DatabaseError(error.code, `${endpoint.name}: ${error.message}`, { cause: error });
    // What the proxy says in place of Postgres it says in the status, which the driver leaves in its message only.
    const status = error instanceof NeonDbError ? /HTTP status (\d{3})/.exec(error.message)?.[1] : undefined;
    if (status === "413" || status === "507") {
      const what = status === "413" ? "call" : "answer";
      throw new TooLarge(what, `${endpoint.name}: the ${what} is too large`, { cause: error });
    }
    throw new DatabaseUnavailable(`${endpoint.name} did not answer`, { cause: error });
  }
}
