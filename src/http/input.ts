// What was sent → what an operation asks for. 400 when it cannot be understood, 422 when it is understood and breaks a rule.
import * as z from "zod";
import { type FaultItem, fault, quote } from "../kernel/fault.ts";
import { isObject, isStorable, type Json, type JsonObject, member } from "../kernel/json.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";

/** More would say nothing new. */
const MAX_ITEMS = 100;

/** An object kept as it was sent: `fields`, a type's `schema`. zod's own records drop a member called `__proto__`. */
export const jsonObject: z.ZodType<JsonObject> = z
  .custom<JsonObject>(isObject, { error: "object", params: { wrongType: true } })
  .meta({ override: { type: "object", additionalProperties: true } });

/** Any JSON value, kept as it was sent. */
export const jsonValue: z.ZodType<Json> = z
  .custom<Json>((value) => value !== undefined, { error: "JSON value", params: { wrongType: true } })
  .meta({ override: { description: "Any JSON value." } });

interface Complaint {
  readonly understood: boolean;
  readonly path: readonly PropertyKey[];
  readonly code: string;
  readonly detail: string;
}

/** Refuses with 400 `unknown-member`, `missing-member`, `invalid-member` or 422 `invalid-value`, one item for each place. */
export function readBody<B extends z.ZodType>(schema: B, value: Json): Result<z.output<B>> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const all = parsed.error.issues.flatMap((issue) => complaintsOf(issue, [], value));
  const misunderstood = all.filter((complaint) => !complaint.understood);
  const told = misunderstood.length > 0 ? misunderstood : all;
  const items = told.slice(0, MAX_ITEMS).map(({ path, code, detail }) => ({ pointer: pointerOf(path), code, detail }));
  const [first] = items;
  const kind = misunderstood.length > 0 ? "malformed" : "invalid";
  return refuse(
    fault(kind, first?.code ?? "invalid-member", `Cannot accept the body: ${summary(told)}`, { errors: items }),
  );
}

/** Refuses with 400 `unknown-parameter`, `missing-parameter` or `invalid-parameter`; a parameter that is given twice is invalid. */
export function readQuery<Q extends z.ZodObject>(schema: Q, query: URLSearchParams): Result<z.output<Q>> {
  const values = new Map<string, string>();
  for (const [name, value] of query) {
    if (values.has(name))
      return refuseParameters([
        {
          understood: false,
          path: [name],
          code: "invalid-parameter",
          detail: `Parameter ${quote(name)} is given more than once`,
        },
      ]);
    values.set(name, value);
  }
  const sent: JsonObject = Object.fromEntries(values);
  const parsed = schema.safeParse(sent);
  if (parsed.success) return ok(parsed.data);
  return refuseParameters(parsed.error.issues.flatMap((issue) => complaintsOf(issue, [], sent, "parameter")));
}

/** Path parameters; `undefined` when one is not what the path asks for, so that there is nothing at this address. */
export function readParams<P extends z.ZodObject>(
  schema: P,
  params: Readonly<Record<string, string>>,
): z.output<P> | undefined {
  return schema.safeParse(params).data;
}

/** The places, at most a hundred, where text or a member's name cannot be kept by Postgres: U+0000 and lone surrogates (422 `text-not-storable`). */
export function unstorable(value: Json): readonly FaultItem[] {
  const items: FaultItem[] = [];
  const complain = (path: readonly PropertyKey[], what: string) => {
    items.push({
      pointer: pointerOf(path),
      code: "text-not-storable",
      detail: `A ${what} holds U+0000 or half of a surrogate pair, which cannot be stored`,
    });
  };
  const walk = (each: Json, path: readonly PropertyKey[]): void => {
    if (items.length === MAX_ITEMS) return;
    if (typeof each === "string") {
      if (!isStorable(each)) complain(path, "text");
    } else if (isObject(each)) {
      for (const [name, item] of Object.entries(each)) {
        if (isStorable(name)) walk(item, [...path, name]);
        else if (items.length < MAX_ITEMS) complain([...path, name], "member's name");
      }
    } else if (Array.isArray(each)) {
      for (const [i, item] of each.entries()) walk(item as Json, [...path, i]);
    }
  };
  walk(value, []);
  return items;
}

function refuseParameters(complaints: readonly Complaint[]): Result<never> {
  const items = complaints.map(({ path, code, detail }) => ({ parameter: String(path[0] ?? ""), code, detail }));
  return refuse(
    fault("malformed", items[0]?.code ?? "invalid-parameter", `Cannot accept the query: ${summary(complaints)}`, {
      errors: items,
    }),
  );
}

function summary(complaints: readonly Complaint[]): string {
  const [first] = complaints;
  const sentence =
    first === undefined ? "it is not understood" : first.detail.charAt(0).toLowerCase() + first.detail.slice(1);
  return complaints.length > 1 ? `${sentence} (and ${complaints.length - 1} more)` : sentence;
}

/** RFC 6901. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function valueAt(root: Json, path: readonly PropertyKey[]): Json | undefined {
  let value: Json | undefined = root;
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)] as Json | undefined;
    else value = isObject(value) ? member(value, String(step)) : undefined;
  }
  return value;
}

type What = "member" | "parameter";

function complaintsOf(
  issue: z.core.$ZodIssue,
  base: readonly PropertyKey[],
  root: Json,
  what: What = "member",
): readonly Complaint[] {
  const path = [...base, ...issue.path];
  const found = valueAt(root, path);
  const name =
    path.length === 0 ? "The body" : `${what === "member" ? "Member" : "Parameter"} ${quote(path.join("."))}`;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      understood: false,
      path: [...path, key],
      code: `unknown-${what}`,
      detail: `Unknown ${what} ${quote([...path, key].join("."))}`,
    }));
  }
  if (found === undefined && path.length > 0)
    return [{ understood: false, path, code: `missing-${what}`, detail: `${name} is missing` }];
  if (issue.code === "invalid_union" && issue.errors.length > 0) return branchOf(issue.errors, path, root, what);
  const wanted = wantedBy(issue);
  const understood = what === "member" && !isOfWrongType(issue, found);
  const code = what === "parameter" ? "invalid-parameter" : understood ? "invalid-value" : "invalid-member";
  return [{ understood, path, code, detail: `${name} must be ${wanted}; found ${describe(found)}` }];
}

/** Of a union's alternatives, the one that the value was meant for: it has the right type, or else the fewest complaints. */
function branchOf(
  errors: readonly (readonly z.core.$ZodIssue[])[],
  path: readonly PropertyKey[],
  root: Json,
  what: What,
): readonly Complaint[] {
  const branches = errors.map((issues) => issues.flatMap((issue) => complaintsOf(issue, path, root, what)));
  const cost = (branch: readonly Complaint[]) =>
    branch.reduce((sum, { understood }) => sum + (understood ? 1 : 1000), 0);
  return branches.toSorted((a, b) => cost(a) - cost(b))[0] ?? [];
}

function isOfWrongType(issue: z.core.$ZodIssue, found: Json | undefined): boolean {
  switch (issue.code) {
    case "invalid_type":
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
      return true;
    case "invalid_value":
      return !issue.values.some((value) => typeof value === typeof found && (value === null) === (found === null));
    case "custom":
      return issue.params?.["wrongType"] === true;
    default:
      return false;
  }
}

function wantedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPE_NAMES[issue.expected] ?? `of type ${issue.expected}`;
    case "invalid_value":
      return `${issue.values.length > 1 ? "one of " : ""}${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "invalid_union":
      return "options" in issue && Array.isArray(issue.options)
        ? `one of ${issue.options.map((value) => JSON.stringify(value)).join(", ")}`
        : "something else";
    case "too_small":
      return `${amount(issue.origin)} ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unit(issue.origin, issue.minimum)}`.trim();
    case "too_big":
      return `${amount(issue.origin)} ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unit(issue.origin, issue.maximum)}`.trim();
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_format":
      return issue.format === "regex" ? `text that matches ${issue.pattern}` : `a valid ${issue.format}`;
    case "custom":
      return TYPE_NAMES[issue.message] ?? issue.message;
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "an array",
  null: "null",
  "JSON value": "a JSON value",
};

function amount(origin: string): string {
  return origin === "string" || origin === "array" || origin === "set" ? "of length" : "";
}

function unit(origin: string, n: number | bigint): string {
  const one = Number(n) === 1;
  if (origin === "string") return one ? " character" : " characters";
  return origin === "array" ? (one ? " item" : " items") : "";
}

function describe(found: Json | undefined): string {
  if (found === undefined) return "nothing";
  if (Array.isArray(found)) return "an array";
  return isObject(found) ? "an object" : typeof found === "string" ? quote(found) : String(found);
}
