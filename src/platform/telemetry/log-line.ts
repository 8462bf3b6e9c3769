// One line of JSON a request: always for errors, refusals by overload and slow ones; a share of the rest.
import { levelOf, type RequestEvent } from "./request-event.ts";

const SLOW_MS = 1_000;

export function requestLog(
  share: number,
  random: () => number,
  print: (line: string) => void,
): (event: RequestEvent) => void {
  return (event) => {
    const level = levelOf(event);
    const remarkable = level !== "info" || (event.durationMs ?? 0) >= SLOW_MS;
    if (remarkable || random() < share) print(JSON.stringify({ level, ...event }));
  };
}
