// What every measurement can be told.
import { parseArgs } from "node:util";

export interface Options {
  readonly rounds: number;
  /** Of one round of one place. */
  readonly seconds: number;
  readonly connections: number;
  /** Small and quick: to see that it works, not what it measures. */
  readonly short: boolean;
  /** Of a measurement that has parts, only this one. */
  readonly part: string | undefined;
  readonly names: readonly string[];
}

export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      seconds: { type: "string", default: "1" },
      connections: { type: "string", default: "16" },
      part: { type: "string" },
      short: { type: "boolean", default: false },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (!(value > 0)) throw new Error(`--${name} is a number above 0, not ${text}`);
    return value;
  };
  return {
    rounds: number("rounds", values.rounds ?? (values.short ? "2" : "24")),
    seconds: number("seconds", values.seconds),
    connections: number("connections", values.connections),
    short: values.short,
    part: values.part,
    names: positionals,
  };
}
