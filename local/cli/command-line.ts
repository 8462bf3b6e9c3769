// The commands and their options: what `npm run meridian -- …` understands.
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { exportEntries } from "./export-entries.ts";
import { EXIT, Failure } from "./failure.ts";
import { importFile } from "./import-file.ts";
import { cancelImport } from "./import-job.ts";
import { type Interrupts, watchInterrupts } from "./interrupts.ts";
import { openServer, type Server } from "./server.ts";
import { tailChanges } from "./tail-changes.ts";

/** What the server takes in one request. */
const PART_MB = 95;
const PART_LINES = 1_000_000;
const MB = 1_000_000;

interface Place {
  readonly url: string;
  readonly space: string;
  readonly key?: string;
}
interface ImportArguments extends Place {
  readonly mode: string;
  readonly errors?: string;
  readonly again?: true;
  readonly cancel?: string;
  readonly partSize: number;
}
interface ExportArguments extends Place {
  readonly type?: string;
  readonly perspective?: string;
}
interface TailArguments extends Place {
  readonly after?: number;
  readonly type?: string;
  readonly limit?: number;
}

type Work = (server: Server, interrupts: Interrupts) => Promise<number>;

/** Runs one command, and answers its exit code. `say`: what is not the command's own output. */
export async function runCommand(
  args: readonly string[],
  say = (line: string): void => console.error(line),
): Promise<number> {
  let exit: number = EXIT.done;
  const at = async ({ url, space, key }: Place, work: Work): Promise<void> => {
    const interrupts = watchInterrupts();
    try {
      exit = await work(openServer({ url, space, key: key || undefined }), interrupts);
    } finally {
      interrupts.stop();
    }
  };

  const program = new Command("meridian")
    .description("Imports, exports and follows the content of a space over its HTTP API.")
    .exitOverride()
    .configureOutput({ writeErr: (text) => say(text.trimEnd()) });

  place(program.command("import"))
    .summary("write entries from a file")
    .description(
      "Imports NDJSON, one {type, id, slug?, fields, publish?} a line. The same command goes on with an import that was left.",
    )
    .argument("[file]", "a file of entries, one a line")
    .addOption(
      new Option("--mode <mode>", "upsert replaces entries that are there; create fails on them")
        .choices(["upsert", "create"])
        .default("upsert"),
    )
    .option("--errors <file>", "where lines that failed are written, as NDJSON {line, pointer, code, detail}")
    .option("--again", "import a file that was imported within a day anew")
    .option("--cancel <import>", "cancel this import, and import nothing")
    .option("--part-size <MB>", "larger files are imported in parts of so many megabytes", megabytes, PART_MB)
    .action((file: string | undefined, options: ImportArguments) =>
      at(options, async (server, interrupts) => {
        const { cancel, mode, errors, again = false, partSize } = options;
        if (cancel !== undefined) {
          const { id, status } = await cancelImport(server, cancel, interrupts.once);
          say(`Import ${id} is ${status}`);
          return EXIT.done;
        }
        if (file === undefined) throw new Failure(EXIT.usage, "Name the file to import");
        const most = { bytes: Math.floor(partSize * MB), lines: PART_LINES };
        return await importFile(server, { path: file, mode, errors, again, most }, interrupts, say);
      }),
    );

  place(program.command("export"))
    .summary("read everything that is published")
    .description("Exports entries as NDJSON that imports accept, from one snapshot, ordered by type and id.")
    .argument("[file]", "where to; it is made when all is there. Absent: stdout")
    .option("--type <type>", "only entries of this content type")
    .addOption(new Option("--perspective <perspective>", "drafts need content:preview").choices(["published", "draft"]))
    .action((file: string | undefined, options: ExportArguments) =>
      at(options, (server, interrupts) =>
        exportEntries(server, { path: file, type: options.type, perspective: options.perspective }, interrupts, say),
      ),
    );

  place(program.command("tail"))
    .summary("follow what changes")
    .description("Prints every change of published content as it happens, one JSON object a line, until Ctrl-C.")
    .option("--after <position>", "changes after this position; absent: from now on", wholeNumber)
    .option("--type <type>", "only entries of this content type")
    .option("--limit <n>", "end after so many changes", wholeNumber)
    .action((options: TailArguments) =>
      at(options, (server, interrupts) => {
        const { after, type, limit } = options;
        return tailChanges(server, { after, type, limit }, interrupts, say);
      }),
    );

  try {
    await program.parseAsync(args, { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (!(error instanceof Failure)) throw error;
    say(`meridian: ${error.message}`);
    return error.exit;
  }
}

function place(command: Command): Command {
  return command
    .addOption(new Option("--url <url>", "the deployment").env("MERIDIAN_URL").default("http://127.0.0.1:8787"))
    .addOption(new Option("--space <space>", "the space").env("MERIDIAN_SPACE").makeOptionMandatory())
    .addOption(
      new Option("--key <key>", "a key of the space; others on this machine can see arguments").env("MERIDIAN_KEY"),
    )
    .exitOverride();
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}

function megabytes(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number <= PART_MB))
    throw new InvalidArgumentError(`It must be more than 0 and at most ${PART_MB}.`);
  return number;
}
