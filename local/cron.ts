// Rings the Worker's cron every minute, which the emulator does not do by itself.

const EVERY_MINUTE = "* * * * *";

/** Rings at each full minute until it is stopped, but while it is paused. A Worker that is restarting misses its minute, as in production. */
export function startCron(events: string, isPaused: () => boolean): () => void {
  let timer: NodeJS.Timeout;
  const plan = (): void => {
    timer = setTimeout(
      () => {
        if (!isPaused()) void ringCron(events).catch(() => undefined);
        plan();
      },
      60_000 - (Date.now() % 60_000),
    );
  };
  plan();
  return () => clearTimeout(timer);
}

export async function ringCron(events: string): Promise<void> {
  const answer = await fetch(`${events}/cdn-cgi/local/scheduled?cron=${encodeURIComponent(EVERY_MINUTE)}`);
  if (!answer.ok) throw new Error(`The cron handler failed: ${answer.status} ${await answer.text()}`);
}
