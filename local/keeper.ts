// Lets every process we start die with us, even when we are killed -9: a shell waits for our pipe to close.
import { spawn } from "node:child_process";

export type Keeper = {
  /** From now on the process group `pid` gets `signal` when this process is gone. */
  watch(pid: number, signal: "INT" | "TERM" | "KILL"): void;
  forget(pid: number): void;
  close(): void;
};

const SCRIPT = `trap '' INT TERM HUP
watched=
while read -r verb pid signal; do
  case $verb in
    watch) watched="$watched $pid:$signal" ;;
    forget)
      rest=
      for one in $watched; do [ "\${one%%:*}" = "$pid" ] || rest="$rest $one"; done
      watched=$rest ;;
  esac
done
for one in $watched; do kill -s "\${one#*:}" -- "-\${one%%:*}"; done`;

export function startKeeper(): Keeper {
  const shell = spawn("/bin/sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  shell.unref();
  shell.stdin.on("error", () => {});
  const say = (line: string): void => {
    shell.stdin.write(`${line}\n`);
  };
  return {
    watch: (pid, signal) => say(`watch ${pid} ${signal}`),
    forget: (pid) => say(`forget ${pid}`),
    close: () => shell.stdin.end(),
  };
}
