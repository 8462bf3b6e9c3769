// Every file begins on a stack of its own that is well: what an earlier one broke may still be avoided, by breakers that have not looked again.
import { afterAll, beforeAll } from "vitest";
import { until } from "./client.ts";
import { claimStack, stackHere } from "./here.ts";

const release = await claimStack();
afterAll(release);

beforeAll(async () => {
  if (process.env.MERIDIAN_WORKER === "none") return;
  const { origin } = stackHere();
  let told = "";
  const isWell = async (): Promise<boolean> => {
    told = await (await fetch(`${origin}/health`)).text();
    return (JSON.parse(told) as { status: string }).status === "pass";
  };
  await until("everything answers again", isWell, 60_000).catch((error: unknown) => {
    throw new Error(`${error}: ${told}`);
  });
}, 90_000);
