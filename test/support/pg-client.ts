// A database of its own on one of the stack's servers, past gateway and Worker, spoken to as the Worker's role through the same port.
import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";
import { applyMigrations } from "../../local/migrate.ts";
import type { Row, SqlClient, Statement } from "../../src/platform/database/database.ts";
import { DatabaseError, DatabaseUnavailable } from "../../src/platform/database/outage.ts";

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  20: Number,
  1184: (text) =>
    /^\d/.test(text) ? new Date(`${text.slice(0, 10)}T${text.slice(11).replace(/\+00$/, "Z")}`).toISOString() : text,
};
const types = {
  getTypeParser: (oid: number, format?: string) => parsers[oid] ?? pg.types.getTypeParser(oid, format as "text"),
};

export interface OwnDatabase {
  readonly client: SqlClient;
  /** As the superuser. */
  sql(text: string, params?: readonly unknown[]): Promise<Row[]>;
  /** A transaction of the superuser's that stays open. */
  hold(): Promise<pg.PoolClient>;
  /** How many sessions wait for a lock. */
  waiting(): Promise<number>;
  /** Has every session tell what it has done to the statistics, which it does once a second at most. */
  tell(): Promise<void>;
  end(): Promise<void>;
}

const SESSIONS = 8;

const templates = new Map<string, Promise<string>>();

/** A database with all migrations, to be copied: that takes a tenth of what making one takes. Of this process, which has the stack to itself. */
function templateOn(server: string, client: pg.Client): Promise<string> {
  const make = async (): Promise<string> => {
    const name = `template_${process.pid}`;
    await client.query(`create database ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    await applyMigrations([url.href]);
    return name;
  };
  const made = templates.get(server) ?? make();
  templates.set(server, made);
  return made;
}

export async function ownDatabase(server: string): Promise<OwnDatabase> {
  const name = `own_${process.pid}_${Date.now().toString(36)}`;
  const first = new pg.Client({ connectionString: server });
  await first.connect();
  await first.query(`create database ${name} template ${await templateOn(server, first)}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  // Times in UTC, as the parsers expect them.
  const options = "-c timezone=UTC";
  const owner = new pg.Pool({ connectionString: url.href, max: 2, types: types as never, options });
  const app = new pg.Pool({
    connectionString: url.href.replace("//postgres@", "//meridian_app@"),
    max: SESSIONS,
    types: types as never,
    options,
  });
  // What a dead isolate held is cut off in the end.
  for (const pool of [owner, app]) {
    pool.on("connect", (client) => client.on("error", () => undefined));
    pool.on("error", () => undefined);
  }
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof pg.DatabaseError)
        throw new DatabaseError(error.code ?? "XX000", error.message, { cause: error });
      throw new DatabaseUnavailable("no answer", { cause: error });
    }
  };
  return {
    client: {
      call: (_endpoint, { text, params }) => ask(async () => (await app.query(text, [...params])).rows as Row[]),
      snapshot: (_endpoint, statements) => ask(() => snapshot(app, statements)),
    },
    sql: async (text, params = []) => (await owner.query(text, [...params])).rows as Row[],
    async hold() {
      const held = await owner.connect();
      await held.query("begin");
      return held;
    },
    async waiting() {
      const { rows } = await owner.query(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows[0].n as number;
    },
    async tell() {
      await Promise.all(
        Array.from({ length: SESSIONS }, () => app.query("select pg_stat_force_next_flush(), pg_sleep(0.05)")),
      );
    },
    async end() {
      await Promise.all([owner.end(), app.end()]);
      await first.query(`drop database ${name} with (force)`);
      await first.end();
    },
  };
}

async function snapshot(pool: pg.Pool, statements: readonly Statement[]): Promise<Row[][]> {
  const client = await pool.connect();
  try {
    await client.query("begin isolation level repeatable read read only");
    const all: Row[][] = [];
    for (const { text, params } of statements) all.push((await client.query(text, [...params])).rows as Row[]);
    await client.query("commit");
    return all;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** An invocation that ends at its n-th step, as a killed isolate does: what it was waiting for never comes, and nothing of it goes on. */
export interface Life {
  readonly killAt: number;
  steps: number;
  dead: boolean;
}

const lives = new AsyncLocalStorage<{ readonly life: Life; kill(): void }>();
const NEVER = new Promise<never>(() => undefined);

/** Between any two things that an invocation does. */
export async function step(): Promise<void> {
  const current = lives.getStore();
  if (current === undefined) return;
  const { life, kill } = current;
  if (!life.dead) {
    life.steps += 1;
    if (life.steps !== life.killAt) return;
    life.dead = true;
    kill();
  }
  await NEVER;
}

/** Runs `work` until it ends or is killed. */
export async function live(life: Life, work: () => Promise<void>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    lives.run({ life, kill: resolve }, () => void work().then(resolve, reject));
  });
}

/** The same port, with a step before and after everything that it does. */
export function stepped<P extends object>(port: P): P {
  return new Proxy(port, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return async (...args: readonly unknown[]) => {
        await step();
        const answer: unknown = await (member as (...given: readonly unknown[]) => unknown).apply(target, [...args]);
        await step();
        return answer;
      };
    },
  });
}
