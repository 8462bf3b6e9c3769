// How far it is, how fast it goes and how long it will take: a bar on a terminal, elsewhere a plain line now and then. On stderr.
import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  /** Of `total`, so far. */
  at(done: number): void;
  /** Another total than was thought. */
  of(total: number): void;
  /** A sentence that does not run into the bar. */
  say(line: string): void;
  end(): void;
}

export interface Shown {
  readonly what: string;
  readonly total: number;
  readonly show: (amount: number) => string;
}

const PLAIN_EVERY_MS = 5_000;
/** Over this time the rate is measured: an import slows down and speeds up with what else is written. */
const WINDOW_MS = 15_000;

export const lines = (amount: number): string => `${amount.toLocaleString("en")} lines`;
export const megabytes = (amount: number): string => `${(amount / 1e6).toFixed(1)} MB`;

export function showProgress({ what, total, show }: Shown, out: NodeJS.WriteStream = process.stderr): Progress {
  const pace = paceOver(WINDOW_MS);
  let [whole, last, told] = [total, 0, performance.now()];
  const telling = (): { readonly done: string; readonly rate: string; readonly left: string } => ({
    done: `${show(last).split(" ")[0]} of ${show(whole)}`,
    rate: `${show(pace.perSecond()).split(" ")[0]}/s`,
    left: remaining((whole - last) / pace.perSecond()),
  });
  if (out.isTTY !== true) {
    return {
      at(done) {
        last = done;
        pace.at(done);
        if (performance.now() - told < PLAIN_EVERY_MS) return;
        told = performance.now();
        const { done: share, rate, left } = telling();
        out.write(`${what}: ${share}, ${rate}, ${left}\n`);
      },
      of: (size) => {
        whole = size;
      },
      say: (line) => {
        out.write(`${line}\n`);
      },
      end: () => {},
    };
  }
  const format = `${what} {bar} {percentage}% · {done} · {rate} · {left}`;
  const bar = new SingleBar({ format, stream: out, hideCursor: true, barsize: 28, fps: 10 }, Presets.shades_classic);
  bar.start(whole, 0, telling());
  return {
    at(done) {
      last = done;
      pace.at(done);
      bar.update(done, telling());
    },
    of(size) {
      whole = size;
      bar.setTotal(size);
    },
    say: (line) => {
      out.write(`\n${line}\n`);
    },
    end: () => bar.stop(),
  };
}

interface Pace {
  at(done: number): void;
  perSecond(): number;
}

/**
 * The rate over the last `windowMs`; `now` in milliseconds, for tests. What was done when it was first told is somebody else's work, and what
 * starts anew is measured anew.
 */
export function paceOver(windowMs: number, now = (): number => performance.now()): Pace {
  const seen: { readonly ms: number; readonly done: number }[] = [];
  return {
    at(done) {
      if (done < (seen.at(-1)?.done ?? 0)) seen.length = 0;
      seen.push({ ms: now(), done });
      while (seen.length > 2 && (seen[1]?.ms ?? 0) < now() - windowMs) seen.shift();
    },
    perSecond() {
      const [first, last] = [seen[0], seen.at(-1)];
      if (first === undefined || last === undefined || last.ms <= first.ms) return 0;
      return Math.round(((last.done - first.done) * 1000) / (last.ms - first.ms));
    },
  };
}

/** "1 min 20 s left". */
export function remaining(seconds: number): string {
  if (!Number.isFinite(seconds)) return "time left unknown";
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min left`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s left` : `${whole} s left`;
}
