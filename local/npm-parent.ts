// Tells when the npm that started us has been killed: with -9 it passes no signal on, and a shell may stand between us.
import { spawnSync } from "node:child_process";

const ps = (field: "ppid=" | "args=", pid: number): string =>
  spawnSync("ps", ["-o", field, "-p", String(pid)], { encoding: "utf8" }).stdout?.trim() ?? "";

/** Calls `then` once, within about a second of npm's end. Does nothing when npm did not start us. */
export function whenNpmIsGone(then: () => void): void {
  const npm = npmAbove(process.pid);
  if (npm === undefined) return;
  const timer = setInterval(() => {
    if (isAlive(npm)) return;
    clearInterval(timer);
    then();
  }, 1000);
  timer.unref();
}

function npmAbove(pid: number): number | undefined {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  let at = pid;
  for (let level = 0; level < 3; level += 1) {
    at = Number(ps("ppid=", at));
    if (!(at > 1)) return undefined;
    if (/^(node )?\S*npm\b/.test(ps("args=", at))) return at;
  }
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
