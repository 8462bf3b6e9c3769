// How many of the same articles a second come in through an import, the job's end included, in a space of its own.
import { apiClient } from "../../local/api-client.ts";
import { pause } from "../../local/ports.ts";
import type { Stack } from "../../local/stack.ts";
import { product, startOne } from "../workers/emulator.ts";
import { fieldsOf, idOf, seed, slugOf, TYPE } from "../workers/seed.ts";

const SPACE = "imported";
const SCOPES = ["transfer:write", "content:write", "content:publish"];
/** Asking costs the Worker something, too. */
const POLL_MS = 100;

export async function importRate(stack: Stack, code: string, articles: number): Promise<number> {
  const running = await startOne({ ...product(code, stack), consumes: "all" });
  try {
    const origin = `http://127.0.0.1:${running.port}`;
    await seed({ origin, rootKey: stack.rootKey, space: SPACE });
    const root = apiClient(origin, stack.rootKey);
    const made = await root.ask("POST", `/v1/spaces/${SPACE}/keys`, { body: { name: "import", scopes: SCOPES } });
    const { key } = made.expect(201).body as { readonly key: string };
    const lines = Array.from({ length: articles }, (_, n) => {
      const entry = { type: TYPE, id: idOf(n), slug: slugOf(n), fields: fieldsOf(n), publish: true };
      return `${JSON.stringify(entry)}\n`;
    });
    const began = performance.now();
    const response = await fetch(`${origin}/v1/spaces/${SPACE}/imports`, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" },
      body: lines.join(""),
    });
    const text = await response.text();
    if (response.status !== 202) throw new Error(`The import was answered with ${response.status}: ${text}`);
    const path = `/v1/spaces/${SPACE}/imports/${(JSON.parse(text) as { readonly id: string }).id}`;
    const api = apiClient(origin, key);
    for (;;) {
      const job = (await api.ask("GET", path)).expect(200).body as { readonly status: string; readonly failed: number };
      if (job.status === "completed" && job.failed === 0) return (articles * 1000) / (performance.now() - began);
      if (job.status !== "queued" && job.status !== "running") throw new Error(`The import is ${JSON.stringify(job)}`);
      await pause(POLL_MS);
    }
  } finally {
    await running.stop();
  }
}
