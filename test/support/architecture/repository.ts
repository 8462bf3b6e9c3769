// Rules about the repository around the code: queues, bindings, scripts, dependencies, and nothing of the machine it was made on.
import type { Offence, Rule } from "./rule.ts";
import { literal, type Node, nameOf } from "./source.ts";
import { ENVIRONMENTS, SCRIPTS } from "./table.ts";
import { parseToml, type Toml, type TomlTable } from "./toml.ts";
import type { Tree } from "./tree.ts";

const WRANGLER = "wrangler.toml";
const REACTIONS = "src/jobs/reactions.ts";
const DEAD_LETTERS = "dead-letters";
/** Local and production defaults differ, so none is left to a default. */
const CONSUMER_SETTINGS = ["max_batch_size", "max_batch_timeout", "max_retries"];

export const repositoryRules: readonly Rule[] = [
  {
    name: "queues",
    asks: "in every environment each queue of a reaction is produced and consumed, and gives up into a queue that is consumed",
    find: (tree) => environments(tree).flatMap(({ label, config }) => queueFaults(label, config, reactionCalls(tree))),
  },
  {
    name: "reactions",
    asks: "a reaction names its queue and its tries as plain text and number, so that they can be checked",
    find: (tree) =>
      reactionCalls(tree)
        .filter(({ queue, tries }) => queue === undefined || tries === undefined)
        .map(({ line }) => ({
          path: REACTIONS,
          line,
          found: 'not written as on("When", "queue", reaction, tries(8))',
        })),
  },
  {
    name: "bindings",
    asks: "every environment has the same bindings: wrangler lets none be inherited",
    find: (tree) => {
      const [first, ...others] = environments(tree).map(({ label, config }) => ({
        label,
        names: bindingNames(config),
      }));
      return others.flatMap(({ label, names }) => [
        ...[...(first?.names ?? [])]
          .filter((name) => !names.has(name))
          .map((name) => ({ path: WRANGLER, found: `${label} lacks ${name}` })),
        ...[...names]
          .filter((name) => first?.names.has(name) === false)
          .map((name) => ({ path: WRANGLER, found: `only ${label} has ${name}` })),
      ]);
    },
  },
  {
    name: "scripts",
    asks: `package.json has the scripts ${SCRIPTS.join(", ")}`,
    find: (tree) => {
      const scripts = (packageJson(tree)["scripts"] ?? {}) as Readonly<Record<string, string>>;
      return SCRIPTS.filter((name) => (scripts[name] ?? "") === "").map((name) => ({
        path: "package.json",
        found: `no script ${name}`,
      }));
    },
  },
  {
    name: "dependencies",
    asks: "src imports packages of `dependencies` only: what it needs is what is deployed",
    find: (tree) => {
      const listed = Object.keys((packageJson(tree)["dependencies"] ?? {}) as object);
      return tree.sources
        .filter(({ path }) => path.startsWith("src/"))
        .flatMap(({ path, imports }) =>
          imports.flatMap(({ specifier, line }) => {
            const name = /^(?:@[^/]+\/)?[^./:][^/:]*(?=\/|$)/.exec(specifier ?? "")?.[0];
            return name === undefined || listed.includes(name)
              ? []
              : [{ path, line, found: `${name} is not in dependencies` }];
          }),
        );
    },
  },
  {
    name: "lockfile",
    asks: "package-lock.json names no registry: any mirror will do",
    find: (tree) => linesWith(tree, (path) => path === "package-lock.json", /"resolved":\s*"[a-z+]+:/),
  },
  {
    name: "machine-paths",
    asks: "no path of the machine that a file was written on",
    find: (tree) =>
      linesWith(
        tree,
        () => true,
        /(?<![\w.~}:/-])(?:file:\/\/)?\/(?:home|Users|root|work|workspace|workspaces)\/[\w.-]|\b[A-Z]:\\+Users\\/,
      ),
  },
];

function linesWith(tree: Tree, among: (path: string) => boolean, pattern: RegExp): readonly Offence[] {
  return [...tree.files]
    .filter(([path, text]) => among(path) && pattern.test(text))
    .flatMap(([path, text]) =>
      text.split("\n").flatMap((content, index) => {
        const found = pattern.exec(content)?.[0];
        return found === undefined ? [] : [{ path, line: index + 1, found }];
      }),
    );
}

function packageJson(tree: Tree): Readonly<Record<string, unknown>> {
  return JSON.parse(tree.files.get("package.json") ?? "{}") as Readonly<Record<string, unknown>>;
}

interface Environment {
  readonly label: string;
  readonly config: TomlTable;
}

function environments(tree: Tree): readonly Environment[] {
  const { env, ...top } = parseToml(tree.files.get(WRANGLER) ?? "");
  return ENVIRONMENTS.map((name) => ({
    label: name ?? "the top level",
    config: name === undefined ? top : table(table(env)[name]),
  }));
}

interface ReactionCall {
  readonly queue: string | undefined;
  /** Of `tries(8)`. */
  readonly tries: number | undefined;
  readonly line: number;
}

/** The calls `on("When", "queue", reaction, tries(8))` of the reactions' table. */
function reactionCalls(tree: Tree): readonly ReactionCall[] {
  const source = tree.sources.find(({ path }) => path === REACTIONS);
  return (source?.nodes ?? [])
    .filter((node) => node.type === "CallExpression" && nameOf(node["callee"]) === "on")
    .map((node) => {
      const [, queue, , giveUp] = node["arguments"] as readonly Node[];
      const [tries] = (giveUp?.["arguments"] ?? []) as readonly Node[];
      const count = typeof tries?.["value"] === "number" ? tries["value"] : undefined;
      return { queue: literal(queue), tries: count, line: source?.lineOf(node) ?? 0 };
    });
}

/** A queue is called `<the Worker's name>-<its name in reactions.ts>`. */
function queueFaults(label: string, config: TomlTable, reactions: readonly ReactionCall[]): readonly Offence[] {
  const fault = (found: string): Offence => ({ path: WRANGLER, found: `${label}: ${found}` });
  const prefix = `${String(config["name"])}-`;
  const producers = tables(table(config["queues"])["producers"]).map(({ queue }) => String(queue));
  const consumers = tables(table(config["queues"])["consumers"]);
  const consumed = new Set(consumers.map(({ queue }) => String(queue)));
  const wanted = new Set(
    [...reactions.flatMap(({ queue }) => queue ?? []), DEAD_LETTERS].map((queue) => prefix + queue),
  );
  return [
    ...[...wanted].filter((queue) => !producers.includes(queue)).map((queue) => fault(`no producer of ${queue}`)),
    ...[...new Set([...wanted, ...producers])]
      .filter((queue) => !consumed.has(queue))
      .map((queue) => fault(`no consumer of ${queue}`)),
    ...[...new Set([...consumed, ...producers])]
      .filter((queue) => !queue.startsWith(prefix))
      .map((queue) => fault(`${queue} is not called ${prefix}…`)),
    ...consumers.flatMap((consumer) => {
      const queue = String(consumer["queue"]);
      const after = consumer["dead_letter_queue"];
      const unset = CONSUMER_SETTINGS.filter((setting) => consumer[setting] === undefined);
      const tries = reactions.flatMap((one) => (prefix + one.queue === queue ? (one.tries ?? []) : []));
      const deliveries = Number(consumer["max_retries"]) + 1;
      const deadLetters = queue === prefix + DEAD_LETTERS || (typeof after === "string" && consumed.has(after));
      return [
        ...unset.map((setting) => fault(`${queue} leaves ${setting} to a default`)),
        ...tries
          .filter((count) => count > deliveries)
          .map((count) => fault(`${queue} is delivered ${deliveries} times, and a reaction tries ${count} times`)),
        ...(deadLetters ? [] : [fault(`${queue} has no dead-letter queue that is consumed`)]),
      ];
    }),
  ];
}

/** Everything called `binding`, and the names of bindings that are listed by name. */
function bindingNames(config: TomlTable): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: Toml | undefined): void => {
    if (Array.isArray(value)) {
      for (const one of value) visit(one);
    } else if (typeof value === "object") {
      const name = value["binding"] ?? value["name"];
      if (typeof name === "string") names.add(name);
      for (const one of Object.values(value)) visit(one);
    }
  };
  for (const value of Object.values(config)) visit(value);
  return names;
}

function table(value: Toml | undefined): TomlTable {
  return typeof value === "object" && !Array.isArray(value) ? value : {};
}

function tables(value: Toml | undefined): readonly TomlTable[] {
  return Array.isArray(value) ? value.map(table) : [];
}
