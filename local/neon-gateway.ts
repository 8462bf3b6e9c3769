// Speaks Neon's SQL over HTTP on loopback, in front of the Postgres servers of this stack.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { DatabaseError } from "pg-protocol";
import type { Conditions } from "./conditions.ts";
import type { Counters } from "./counters.ts";
import { type Listening, listen } from "./listen.ts";
import { beginOf, errorText, type NeonBody, proxyErrorText, readBody, resultText, targetOf } from "./neon-protocol.ts";
import type { StatementResult } from "./postgres-connection.ts";
import { createPostgresPool, type PostgresPool } from "./postgres-pool.ts";

type Answer = { readonly status: number; readonly body: string };

export type NeonGateway = Listening & { readonly endpoint: string };

const UNREACHABLE: Answer = { status: 500, body: proxyErrorText("could not connect to postgres in compute") };

export async function startNeonGateway(
  portOf: (node: string) => number | undefined,
  conditions: Conditions,
  counters: Counters,
): Promise<NeonGateway> {
  const pools = new Map<string, PostgresPool>();
  const poolOf = (node: string, port: number, user: string, database: string): PostgresPool => {
    const key = `${node}/${port}/${user}/${database}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      pool = createPostgresPool({ port, user, database });
      pools.set(key, pool);
    }
    return pool;
  };

  const answer = async (headers: IncomingHttpHeaders, text: string): Promise<Answer | "silence"> => {
    const limit = conditions.modes.maxBodyBytes;
    if (limit > 0 && text.length > limit) return refuse(413, `request is too large (max is ${limit} bytes)`);
    let target: ReturnType<typeof targetOf>;
    let body: NeonBody;
    try {
      target = targetOf(String(headers["neon-connection-string"]));
      body = readBody(text);
    } catch (error) {
      return refuse(400, `could not parse the HTTP request: ${error instanceof Error ? error.message : "unreadable"}`);
    }
    const { node, user, database, caller } = target;
    const port = portOf(node);
    if (port === undefined) return refuse(400, `The requested endpoint could not be found: ${node}`);
    const begin = body.isBatch
      ? beginOf(
          headers["neon-batch-isolation-level"]?.toString(),
          headers["neon-batch-read-only"] === "true",
          headers["neon-batch-deferrable"] === "true",
        )
      : undefined;
    if (body.isBatch && begin === undefined) return refuse(400, "invalid isolation level");

    counters.postgres(node, caller, body.statements.map(statementText));
    const met = conditions.meet(node);
    const strike = met instanceof Promise ? await met : met;
    if (strike !== undefined && !strike.after) return struck(strike.mode, node);
    let answered: Answer;
    try {
      const pool = poolOf(node, port, user, database);
      const outcome = await pool.run(body.statements, begin, conditions.modes.uncleanSessions);
      answered = outcome.error === undefined ? ok(outcome.results, body, headers, limit) : badRequest(outcome.error);
    } catch (error) {
      if (error instanceof DatabaseError) return badRequest(error);
      return UNREACHABLE;
    }
    return strike === undefined ? answered : struck(strike.mode, node);
  };
  const struck = async (mode: "down" | "error" | "hang", node: string): Promise<Answer | "silence"> => {
    if (mode === "down") return UNREACHABLE;
    if (mode === "error") return refuse(500, "internal server error (fault set by the control server)");
    await conditions.whileHanging(node);
    return "silence";
  };

  const server = createServer((request, response) => {
    if (request.url !== "/sql" || request.method !== "POST") {
      response.writeHead(404).end();
      return;
    }
    receive(request, (text) => {
      void answer(request.headers, text)
        .catch((error: unknown) => refuse(500, `the gateway failed: ${error}`))
        .then((given) => send(response, given));
    });
  });
  const listening = await listen(server);
  return {
    ...listening,
    endpoint: `http://127.0.0.1:${listening.port}/sql`,
    async stop() {
      for (const pool of pools.values()) pool.close();
      await listening.stop();
    },
  };
}

const statementText = ({ text }: NeonBody["statements"][number]): string => text;
const refuse = (status: number, message: string): Answer => ({ status, body: proxyErrorText(message) });
const badRequest = (error: DatabaseError): Answer => ({ status: 400, body: errorText(error) });

function ok(results: readonly StatementResult[], body: NeonBody, headers: IncomingHttpHeaders, limit: number): Answer {
  const arrayMode = headers["neon-array-mode"] === "true";
  const texts = results.map((result) => resultText(result, arrayMode));
  const text = body.isBatch ? `{"results":[${texts.join(",")}]}` : (texts[0] ?? "");
  if (limit > 0 && text.length > limit) return refuse(507, `response is too large (max is ${limit} bytes)`);
  return { status: 200, body: text };
}

function receive(request: IncomingMessage, then: (text: string) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => then(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString()));
}

function send(response: ServerResponse, answer: Answer | "silence"): void {
  if (answer === "silence") {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(answer.body),
  });
  // As text it leaves in one write together with the head.
  response.end(answer.body);
}
