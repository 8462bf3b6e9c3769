// A Redis for the Upstash gateway: redis-server where there is one, else one inside this process. Same answers from both.
import type { Keeper } from "../keeper.ts";
import { startInProcessRedis } from "./in-process.ts";
import type { Command } from "./scripts.ts";
import { connectToRedis, findRedisServer, startRedisServer } from "./server.ts";

/** Bulk and status replies are bytes or text, the rest as RESP2 has it. */
export type Reply = Buffer | string | number | null | readonly Reply[];
export type Answered = { readonly result: Reply } | { readonly error: string };

export type RedisBackend = {
  readonly kind: "redis-server" | "REDIS_URL" | "in-process";
  /** Runs commands in order; `atomic` lets nothing come between them. `copy` asks the copy instead of the data. */
  run(commands: readonly Command[], atomic: boolean, copy: boolean): Promise<readonly Answered[]>;
  /** Makes the copy equal to the data. */
  refreshCopy(): Promise<void>;
  stop(): Promise<void>;
};

export type RedisChoice = "any" | "in-process";

export async function startRedis(dataDir: string, keeper: Keeper, choice: RedisChoice): Promise<RedisBackend> {
  if (choice === "in-process") return startInProcessRedis();
  const url = process.env.REDIS_URL;
  if (url !== undefined && url !== "") return connectToRedis("REDIS_URL", url, () => Promise.resolve());
  const program = findRedisServer();
  return program === undefined ? startInProcessRedis() : startRedisServer(program, dataDir, keeper);
}
