// Payload's REST interface without Next.js around it: the same function that its route handlers call.
import { createServer } from "node:http";
import { handleEndpoints } from "payload";
import config from "./payload.config.mjs";

createServer(async (request, response) => {
  const url = `http://127.0.0.1${request.url}`;
  const answer = await handleEndpoints({ config, request: new Request(url, { method: request.method, headers: request.headers }) });
  const body = Buffer.from(await answer.arrayBuffer());
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), "Content-Length": body.length });
  response.end(body);
}).listen(Number(process.env.PORT), "127.0.0.1");
