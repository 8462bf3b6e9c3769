// Lua scripts as Upstash takes them: `#!lua flags=…` lines that other servers refuse are dropped, digests stay the caller's.
import { createHash } from "node:crypto";

export type Command = readonly (string | number | boolean)[];

export type Scripts = {
  /** The command as the server behind us understands it, or the answer that we can give ourselves. */
  translate(command: Command): { readonly command: Command } | { readonly answer: unknown };
  /** The script of a digest that a client has sent before. */
  find(digest: string): string | undefined;
};

const sha1 = (script: string): string => createHash("sha1").update(script).digest("hex");
const withoutFlags = (script: string): string => script.replace(/^#!lua[^\n]*/, "");

/** `byDigest`: the server keeps scripts itself and takes EVALSHA; otherwise every call is an EVAL. */
export function createScripts(byDigest: boolean): Scripts {
  const known = new Map<string, { readonly script: string; readonly digest: string }>();
  const learn = (original: string): string => {
    const digest = sha1(original);
    if (!known.has(digest)) {
      const script = withoutFlags(original);
      known.set(digest, { script, digest: sha1(script) });
    }
    return digest;
  };

  const script = (command: Command): ReturnType<Scripts["translate"]> => {
    const verb = String(command[1]).toLowerCase();
    const rest = command.slice(2).map(String);
    if (verb === "load" && byDigest) {
      const digest = learn(rest[0] ?? "");
      return { command: ["script", "load", known.get(digest)?.script ?? ""] };
    }
    if (verb === "load") return { answer: learn(rest[0] ?? "") };
    if (verb === "exists") return { answer: rest.map((digest) => (known.has(digest) ? 1 : 0)) };
    if (verb === "flush") known.clear();
    return byDigest ? { command } : { answer: "OK" };
  };

  return {
    find: (digest) => known.get(digest)?.script,
    translate(command) {
      const name = String(command[0]).toLowerCase();
      if (name === "script") return script(command);
      if (name === "eval" || name === "eval_ro") {
        const digest = learn(String(command[1]));
        return { command: [name, known.get(digest)?.script ?? "", ...command.slice(2)] };
      }
      if (name === "evalsha" || name === "evalsha_ro") {
        const found = known.get(String(command[1]).toLowerCase());
        if (found === undefined) return { command };
        if (byDigest) return { command: [name, found.digest, ...command.slice(2)] };
        return { command: [name.replace("sha", ""), found.script, ...command.slice(2)] };
      }
      return { command };
    },
  };
}
