// Walks a value along a compiled schema and notes every violation, within a budget of steps.
import { format as formats, validate } from "@cfworker/json-schema";
import { type FaultItem, quote } from "../../kernel/fault.ts";
import { isObject, type Json, type JsonObject } from "../../kernel/json.ts";
import { canonicalText } from "./canonical-text.ts";
import type { Node, Values } from "./compile.ts";
import { explain, nameType } from "./explain.ts";

/** Some tenths of a second at worst. One step: a value meets a schema, sixteen characters are looked at, or meet an instruction of a pattern. */
const BUDGET = 200_000;
const CHARACTERS = 16;

interface Run {
  readonly items: FaultItem[];
  readonly most: number;
  /** Shared by the trial runs of anyOf and oneOf. */
  readonly budget: { left: number };
}

export function judge(node: Node, value: Json, root: string, most: number): readonly FaultItem[] {
  const run: Run = { items: [], most, budget: { left: BUDGET } };
  walk(run, node, value, root);
  if (run.budget.left >= 0) return run.items;
  return [
    ...run.items.slice(0, most - 1),
    { pointer: root, code: "too-complex", detail: "The value takes too many steps to check against this schema" },
  ];
}

function walk(run: Run, node: Node, value: Json, pointer: string): void {
  run.budget.left -= 1;
  if (isDone(run)) return;
  checkOwn(run, node, value, pointer);
  for (const values of node.values) checkValues(run, values, value, pointer);
  if (typeof value === "string") checkText(run, node, value, pointer);
  else if (Array.isArray(value)) checkList(run, node, value, pointer);
  else if (isObject(value)) checkObject(run, node, value, pointer);
  checkAlternatives(run, node, value, pointer);
}

function isDone(run: Run): boolean {
  return run.budget.left < 0 || run.items.length >= run.most;
}

function note(run: Run, pointer: string, code: string, detail: string): void {
  if (run.items.length < run.most) run.items.push({ pointer, code, detail });
}

function checkOwn(run: Run, { own }: Node, value: Json, pointer: string): void {
  if (own === undefined) return;
  // No reference to resolve, so nothing to look up.
  for (const { keyword } of validate(value, own, "2020-12", {}, false).errors) {
    note(run, pointer, codeOf(keyword), explain(keyword, own, value));
  }
}

function checkValues(run: Run, { keyword, scalars, composites, texts }: Values, value: Json, pointer: string): void {
  const found = typeof value === "object" && value !== null ? isAmong(run, texts, value) : scalars.has(value);
  if (found) return;
  const all = [...scalars, ...composites];
  const listed = all
    .slice(0, 10)
    .map((each) => quote(each))
    .join(", ");
  note(
    run,
    pointer,
    keyword,
    `Must be ${all.length > 1 ? "one of " : ""}${listed}${all.length > 10 ? ", …" : ""}; found ${nameType(value)}`,
  );
}

function isAmong(run: Run, texts: ReadonlySet<string>, value: Json): boolean {
  if (texts.size === 0) return false;
  const text = canonicalText(value);
  run.budget.left -= Math.ceil(text.length / CHARACTERS);
  return texts.has(text);
}

function checkText(run: Run, { own, pattern, format }: Node, text: string, pointer: string): void {
  if (own !== undefined || format !== undefined) run.budget.left -= Math.ceil(text.length / CHARACTERS);
  if (format !== undefined && !isFormatted(format, text))
    note(run, pointer, "format", `Must have the format ${quote(format)}; found ${quote(text)}`);
  if (pattern === undefined) return;
  run.budget.left -= pattern.costOf(text.length);
  if (run.budget.left >= 0 && !pattern.test(text))
    note(run, pointer, "pattern", `Must match the field's pattern; found ${quote(text)}`);
}

/** RFC 3339 lets applications put a space between date and time; we do not, and no leap second either: no clock here can hold one. */
function isFormatted(format: string, text: string): boolean {
  if (format === "date-time" && !(/^[^\s]{10}[Tt][^\s]+$/.test(text) && !/:60/.test(text))) return false;
  return formats[format]?.(text) ?? false;
}

function checkList(run: Run, { items, unique }: Node, list: readonly Json[], pointer: string): void {
  if (unique) {
    const seen = new Map<string, number>();
    for (const [i, item] of list.entries()) {
      const text = canonicalText(item);
      run.budget.left -= Math.ceil(text.length / CHARACTERS);
      const first = seen.get(text);
      if (first === undefined) seen.set(text, i);
      else note(run, `${pointer}/${i}`, "unique-items", `Must be different from all others; equals item ${first}`);
      if (isDone(run)) return;
    }
  }
  if (items === undefined) return;
  for (const [i, item] of list.entries()) {
    walk(run, items, item, `${pointer}/${i}`);
    if (isDone(run)) return;
  }
}

function checkObject(run: Run, { required, properties, additional }: Node, object: JsonObject, pointer: string): void {
  for (const name of required) {
    if (!Object.hasOwn(object, name)) note(run, step(pointer, name), "required", `${quote(name)} is required`);
  }
  if (properties.size === 0 && additional === undefined) return;
  for (const [name, value] of Object.entries(object)) {
    const property = properties.get(name) ?? additional;
    if (property === false) note(run, step(pointer, name), "additional-properties", `There is no ${quote(name)} here`);
    else if (property !== undefined) walk(run, property, value, step(pointer, name));
    if (isDone(run)) return;
  }
}

function checkAlternatives(run: Run, { anyOf, oneOf }: Node, value: Json, pointer: string): void {
  const fits = (node: Node) => {
    const trial: Run = { items: [], most: 1, budget: run.budget };
    walk(trial, node, value, pointer);
    return trial.items.length === 0;
  };
  if (anyOf !== undefined && !anyOf.some(fits))
    note(run, pointer, "any-of", `Must fit one of ${anyOf.length} alternatives; fits none`);
  if (oneOf === undefined) return;
  const fitting = oneOf.filter(fits).length;
  if (fitting !== 1)
    note(
      run,
      pointer,
      "one-of",
      `Must fit exactly one of ${oneOf.length} alternatives; fits ${fitting === 0 ? "none" : fitting}`,
    );
}

/** Codes are kebab-case: `maxLength` → `max-length`. */
function codeOf(keyword: string): string {
  return keyword.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function step(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
