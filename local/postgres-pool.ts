// Connections to one Postgres node for one user and database: borrowed for one request, given back clean.
import {
  type Address,
  connectToPostgres,
  type Outcome,
  type PostgresConnection,
  type Statement,
} from "./postgres-connection.ts";

export type PostgresPool = {
  /** Runs one request. `uncleanSession` leaves behind what the request left, as a transaction pooler may. */
  run(statements: readonly Statement[], begin: string | undefined, uncleanSession: boolean): Promise<Outcome>;
  close(): void;
};

/** Neon gives out far more; with five servers on a laptop this is enough to saturate them. */
const MOST = 24;

/** DISCARD ALL without DISCARD PLANS, so that the plans plpgsql keeps survive. */
const CLEAN = `CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *;
  SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES`;

/** Words of a statement after which a session may differ. What functions do inside is not seen. */
const DIRTIES =
  /^\s*(set|reset|begin|start|declare|fetch|load|listen|prepare|execute|discard|do|call|create|explain)\b|\bset_config\s*\([^)]*false|\badvisory|\btemp(orary)?\b|\b(next|set)val\s*\(/i;

export function createPostgresPool(address: Address): PostgresPool {
  const idle: PostgresConnection[] = [];
  const queue: ((connection: Promise<PostgresConnection> | PostgresConnection) => void)[] = [];
  let size = 0;
  let closing = false;

  const open = async (): Promise<PostgresConnection> => {
    size += 1;
    try {
      const connection = await connectToPostgres(address);
      connection.onClose(() => {
        size -= 1;
        const at = idle.indexOf(connection);
        if (at >= 0) idle.splice(at, 1);
        if (!closing) queue.shift()?.(open());
      });
      return connection;
    } catch (error) {
      size -= 1;
      if (!closing) queue.shift()?.(open());
      throw error;
    }
  };
  const borrow = (): PostgresConnection | Promise<PostgresConnection> => {
    const connection = idle.pop();
    if (connection !== undefined) return connection;
    if (size < MOST) return open();
    return new Promise((resolve) => queue.push(resolve));
  };
  const giveBack = (connection: PostgresConnection): void => {
    if (!connection.isOpen()) return;
    const next = queue.shift();
    if (closing) connection.close();
    else if (next !== undefined) next(connection);
    else idle.push(connection);
  };
  const cleanUp = async (connection: PostgresConnection, dirty: boolean): Promise<void> => {
    try {
      if (connection.status() !== "I") await connection.simple("ROLLBACK");
      if (dirty && connection.isOpen()) await connection.simple(CLEAN);
      giveBack(connection);
    } catch {
      connection.close();
    }
  };

  return {
    async run(statements, begin, uncleanSession) {
      const connection = await borrow();
      let outcome: Outcome;
      try {
        outcome = await connection.run(statements, begin);
      } catch (error) {
        connection.close();
        throw error;
      }
      const dirty = !uncleanSession && statements.some(({ text }) => DIRTIES.test(text));
      // Cleaning is off the latency path: the answer does not wait for it.
      if (dirty || connection.status() !== "I") void cleanUp(connection, dirty);
      else giveBack(connection);
      return outcome;
    },
    close() {
      closing = true;
      for (const connection of idle.splice(0)) connection.close();
    },
  };
}
