// npm run meridian -- import | export | tail: content in and out of any deployment, over its public API. docs/guides/command-line.md
import { runCommand } from "./command-line.ts";
import { EXIT } from "./failure.ts";

/** As a shell tells of a program that wrote to somebody who had left. */
const PIPE_CLOSED = 141;

const leaveQuietly = (error: NodeJS.ErrnoException): void => {
  process.exit(error.code === "EPIPE" ? PIPE_CLOSED : EXIT.broken);
};
process.stdout.on("error", leaveQuietly);
process.stderr.on("error", leaveQuietly);
try {
  process.exitCode = await runCommand(process.argv.slice(2));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(PIPE_CLOSED);
  console.error(error);
  process.exitCode = EXIT.broken;
}
