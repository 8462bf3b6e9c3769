// Webhooks, measured through the whole product: rates, delays, an endpoint that hangs, a receiver that reads, and what an event costs.
import type { Options } from "../options.ts";
import { bundleProduct } from "../workers/bundle.ts";
import { product, startOne } from "../workers/emulator.ts";
import { withStack } from "../workers/measured-stack.ts";
import { openSql, type WebhooksBench } from "./ground.ts";
import { readOnReceipt } from "./reading.ts";
import { startReceiver } from "./receiver.ts";
import { countRoundTrips } from "./round-trips.ts";
import { measureTelling } from "./telling.ts";

export async function webhooks({ short }: Options): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const code = await bundleProduct();
    const plan = product(code, stack, "product");
    const bindings = { ...plan.bindings, REDIS_LAG_SECONDS: "0" };
    const worker = await startOne({ ...plan, bindings, consumes: "all" });
    after(worker.stop);
    // A process of its own, with its own cache: it hears of changes through Redis only.
    const elsewhere = await startOne({ ...product(code, stack, "elsewhere"), bindings, consumes: false });
    after(elsewhere.stop);
    const receiver = await startReceiver();
    after(receiver.stop);
    const sql = await openSql(stack);
    after(() => sql.end());
    const bench: WebhooksBench = { stack, worker, receiver, sql, short };
    await countRoundTrips(bench);
    const older = await readOnReceipt(bench, elsewhere);
    await measureTelling(bench);
    if (older.length > 0)
      throw new Error(`${older.length} answers were older than what was told:\n${older.join("\n")}`);
  });
}
