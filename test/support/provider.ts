// A provider of drafts over HTTP that does what the brief says: its words, separated by spaces, are what it does with one request after the
// other; the last one goes on. `GET /asked?brief=…` tells what it was sent; `POST /release` breaks off whatever hangs.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const PROVIDER_KEY = "key-of-the-provider";

export interface AskedOf {
  readonly authorization: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages whose shape they assert
  readonly body: any;
}

export interface ScriptedProvider {
  readonly url: string;
  asked(brief: string): readonly AskedOf[];
  close(): Promise<void>;
}

export const DRAFT = { title: "A guide to the old town", body: "## Where to begin\n\nBegin at the market." };

const completion = (content: string, finish = "stop"): string =>
  JSON.stringify({
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finish }],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  });

// biome-ignore lint/suspicious/noExplicitAny: as above
type Does = (response: ServerResponse, body: any) => void;

const send = (status: number, text: string, headers: Record<string, string> = {}): Does => {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(text);
  };
};
const says = (content: string, finish?: string): Does => send(200, completion(content, finish));

const held = new Set<ServerResponse>();
const ACTS: Readonly<Record<string, Does>> = {
  ok: says(JSON.stringify(DRAFT)),
  fenced: says(`\`\`\`json\n${JSON.stringify(DRAFT)}\n\`\`\``),
  slow: (response, body) => void setTimeout(() => ACTS["ok"]?.(response, body), 300),
  hang(response) {
    held.add(response);
    response.on("close", () => held.delete(response));
  },
  drip(response) {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 50);
    response.on("close", () => clearInterval(timer));
  },
  reset: (response) => void response.destroy(),
  "500": send(500, "trouble"),
  "429": send(429, "{}", { "retry-after": "2" }),
  "401": send(401, "{}"),
  schemaless: (response, body) =>
    body.response_format.type === "json_schema" ? send(400, "{}")(response, body) : ACTS["ok"]?.(response, body),
  redirect: send(302, "", { location: "/elsewhere" }),
  html: send(200, "<html></html>"),
  strange: send(200, JSON.stringify({ choices: { 0: null }, usage: "many" })),
  text: says("Here is your draft: a guide"),
  cut: says('{"title": "A gui', "length"),
  wrong: says(JSON.stringify({ title: 7, body: "b" })),
  list: says("[]"),
  huge: send(200, completion("x".repeat(10 * 1024 * 1024))),
  deep: says(`{"title": "t", "anything": ${"[".repeat(50_000)}${"]".repeat(50_000)}}`),
  /** What it breaks would be quoted. */
  nul: says(JSON.stringify({ title: "a", size: "a\0b" })),
  /** … and cut in the middle of a character. */
  halves: says(JSON.stringify({ title: "a", size: "😀".repeat(100) })),
  polluted: says(
    `{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "title": "clean", "more": 1, "other": "e1"}`,
  ),
};

export async function openProvider(): Promise<ScriptedProvider> {
  const asked = new Map<string, AskedOf[]>();
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? "/", "http://provider");
      if (url.pathname === "/asked") {
        send(200, JSON.stringify(asked.get(url.searchParams.get("brief") ?? "") ?? []))(response, {});
        return;
      }
      if (url.pathname === "/release") {
        for (const response of held) response.destroy();
        send(204, "")(response, {});
        return;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const body = text === "" ? {} : JSON.parse(text);
      const brief = url.pathname === "/v1/chat/completions" ? String(body.messages[1].content) : url.pathname;
      const before = asked.get(brief) ?? [];
      asked.set(brief, [...before, { authorization: request.headers.authorization, body }]);
      const acts = brief.split(" ").filter((word) => ACTS[word] !== undefined);
      (ACTS[acts[Math.min(before.length, acts.length - 1)] ?? ""] ?? send(404, "{}"))(response, body);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: (brief) => asked.get(brief) ?? [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
