// One connection to Postgres that sends a whole request in one write and gathers the answers (extended protocol, text format).
import { connect, type Socket } from "node:net";
import { type DatabaseError, parse, serialize } from "pg-protocol";
import type { BackendMessage, DataRowMessage, RowDescriptionMessage } from "pg-protocol/dist/messages.js";

export type Field = RowDescriptionMessage["fields"][number];
export type Statement = { readonly text: string; readonly values: readonly (string | null)[] };
export type StatementResult = { fields: readonly Field[]; rows: (readonly (string | null)[])[]; tag: string };
export type Outcome = { readonly results: readonly StatementResult[]; readonly error: DatabaseError | undefined };

export type PostgresConnection = {
  /** Runs the statements. With `begin` they form one transaction; without, each request is its own (autocommit). */
  run(statements: readonly Statement[], begin?: string): Promise<Outcome>;
  /** Runs SQL of our own over the simple protocol. */
  simple(sql: string): Promise<Outcome>;
  /** I: idle. T: in a transaction. E: in a failed transaction. */
  status(): string;
  isOpen(): boolean;
  onClose(then: () => void): void;
  close(): void;
};

export type Address = { readonly port: number; readonly user: string; readonly database: string };

type Waiting = { readonly resolve: (outcome: Outcome) => void; readonly reject: (error: Error) => void };

const EXECUTE = serialize.execute();
const DESCRIBE = serialize.describe({ type: "P" });
const SYNC = serialize.sync();
const PLAIN_BIND = serialize.bind();
const COMMIT = Buffer.concat([serialize.parse({ text: "COMMIT" }), PLAIN_BIND, EXECUTE]);
const NO_FIELDS: readonly Field[] = [];

export async function connectToPostgres({ port, user, database }: Address): Promise<PostgresConnection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const connection = converse(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const { error } = await connection.say(serialize.startup({ user, database, client_encoding: "UTF8" }));
  if (error !== undefined) {
    socket.destroy();
    throw error;
  }
  return connection;
}

function converse(socket: Socket): PostgresConnection & { say(bytes: Buffer): Promise<Outcome> } {
  let status = "I";
  let open = true;
  let waiting: Waiting | undefined;
  let results: StatementResult[] = [];
  let current: StatementResult = { fields: NO_FIELDS, rows: [], tag: "" };
  let error: DatabaseError | undefined;
  let closed: (() => void) | undefined;

  const finish = (): void => {
    const done = waiting;
    waiting = undefined;
    done?.resolve({ results, error });
  };
  const hear = (message: BackendMessage): void => {
    switch (message.name) {
      case "dataRow":
        current.rows.push((message as DataRowMessage).fields);
        return;
      case "rowDescription":
        current.fields = (message as RowDescriptionMessage).fields;
        return;
      case "commandComplete":
      case "emptyQuery":
        current.tag = "text" in message ? String(message.text) : "";
        results.push(current);
        current = { fields: NO_FIELDS, rows: [], tag: "" };
        return;
      case "error":
        error ??= message as DatabaseError;
        return;
      case "readyForQuery":
        status = "status" in message ? String(message.status) : "I";
        finish();
        return;
      case "copyInResponse":
        // Nobody can send the data: COPY FROM STDIN has no place in this protocol.
        socket.destroy(new Error("COPY FROM STDIN cannot be used over HTTP"));
        return;
      default:
    }
  };
  void parse(socket, hear);
  socket.on("error", (cause) => waiting?.reject(cause));
  socket.on("close", () => {
    open = false;
    if (error !== undefined) finish();
    else waiting?.reject(new Error("Postgres closed the connection"));
    closed?.();
  });

  const say = (bytes: Buffer): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      if (!open) return reject(new Error("the connection is closed"));
      results = [];
      error = undefined;
      current = { fields: NO_FIELDS, rows: [], tag: "" };
      waiting = { resolve, reject };
      socket.write(bytes);
    });

  return {
    say,
    async run(statements, begin) {
      const parts: Buffer[] = [];
      if (begin !== undefined) parts.push(serialize.parse({ text: begin }), PLAIN_BIND, EXECUTE);
      for (const { text, values } of statements) {
        parts.push(
          serialize.parse({ text }),
          serialize.bind({ values: values as (string | null)[] }),
          DESCRIBE,
          EXECUTE,
        );
      }
      if (begin !== undefined) parts.push(COMMIT);
      parts.push(SYNC);
      const outcome = await say(Buffer.concat(parts));
      if (begin === undefined || outcome.error !== undefined) return outcome;
      return { results: outcome.results.slice(1, -1), error: undefined };
    },
    simple: (sql) => say(serialize.query(sql)),
    status: () => status,
    isOpen: () => open,
    onClose: (then) => {
      closed = then;
    },
    close: () => {
      if (open) socket.end(serialize.end());
    },
  };
}
