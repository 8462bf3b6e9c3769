// Lists evaluated in memory, entry by entry, straight from what the contract says: what the SQL is compared with.
import { compareText, textSlotOf, timeOf } from "../../src/contexts/delivery/comparable.ts";
import type { FieldShape, TypeShape } from "../../src/contexts/delivery/type-shape.ts";
import type { JsonObject } from "../../src/kernel/json.ts";

export interface Held {
  readonly id: string;
  readonly slug: string | null;
  readonly fields: JsonObject;
}

export interface NaiveTerm {
  readonly path: string;
  readonly operator: string;
  /** As the parameter's text. */
  readonly value: string;
}

export interface NaiveQuery {
  readonly terms: readonly NaiveTerm[];
  readonly groups: readonly (readonly NaiveTerm[])[];
  readonly sort: readonly { readonly name: string; readonly descending: boolean }[];
  readonly locale: string;
}

type Scalar = string | number | boolean;

export class NaiveLists {
  private readonly shapes: ReadonlyMap<string, TypeShape>;
  private readonly entries: ReadonlyMap<string, ReadonlyMap<string, Held>>;

  constructor(shapes: ReadonlyMap<string, TypeShape>, entries: ReadonlyMap<string, ReadonlyMap<string, Held>>) {
    this.shapes = shapes;
    this.entries = entries;
  }

  matches(type: string, held: Held, { terms, groups, locale }: NaiveQuery): boolean {
    const holds = (term: NaiveTerm) => this.holds(type, held, term, locale);
    return terms.every(holds) && (groups.length === 0 || groups.some((group) => group.every(holds)));
  }

  /** Negative when `left` comes first; 0 when only ids can tell. */
  compare(type: string, left: Held, right: Held, { sort, locale }: NaiveQuery): number {
    for (const { name, descending } of sort) {
      const [a, b] = [this.sortValue(type, left, name, locale), this.sortValue(type, right, name, locale)];
      if (a === undefined || b === undefined) {
        if ((a === undefined) !== (b === undefined)) return a === undefined ? 1 : -1;
        continue;
      }
      const order = order2(a, b);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  }

  private holds(type: string, held: Held, { path, operator, value }: NaiveTerm, locale: string): boolean {
    const [name = "", inner] = path.split(".");
    if (inner === undefined) return this.plain(type, held, name, operator, value, locale);
    const positive: Record<string, string> = { ne: "eq", nin: "in" };
    const negated = operator in positive || (operator === "exists" && value === "false");
    const asked = {
      path: inner,
      operator: positive[operator] ?? operator,
      value: operator === "exists" ? "true" : value,
    };
    const field = this.field(type, name)!;
    const targets = this.values(type, held, name, locale)
      .map((id) => this.entries.get(field.reference!)?.get(String(id)))
      .filter((each) => each !== undefined);
    return targets.some((target) => this.holds(field.reference!, target, asked, locale)) !== negated;
  }

  private plain(type: string, held: Held, name: string, operator: string, text: string, locale: string): boolean {
    const field = this.field(type, name);
    const values = this.values(type, held, name, locale);
    const wanted = (
      operator === "in" || operator === "nin" ? text.split(",").map((each) => each.replaceAll("\u0001", ",")) : [text]
    ).flatMap((each) => parse(field, each));
    switch (operator) {
      case "eq":
      case "in":
      case "contains":
        return values.some((each) => wanted.includes(each));
      case "ne":
      case "nin":
        return !values.some((each) => wanted.includes(each));
      case "exists":
        return this.present(type, held, name, locale) === (text === "true");
      case "startsWith":
        return values.some((each) => String(each).startsWith(text));
      default: {
        if (values.length === 0) return false;
        const order = order2(slot(values[0]!), slot(wanted[0]!));
        return operator === "gt"
          ? order > 0
          : operator === "gte"
            ? order >= 0
            : operator === "lt"
              ? order < 0
              : order <= 0;
      }
    }
  }

  private sortValue(type: string, held: Held, name: string, locale: string): Scalar | undefined {
    const [value] = this.values(type, held, name, locale);
    return value === undefined ? undefined : slot(value);
  }

  private present(type: string, held: Held, name: string, locale: string): boolean {
    return this.field(type, name)?.array
      ? this.raw(type, held, name, locale) !== undefined
      : this.values(type, held, name, locale).length > 0;
  }

  private values(type: string, held: Held, name: string, locale: string): readonly Scalar[] {
    const raw = this.raw(type, held, name, locale);
    const field = this.field(type, name);
    return (Array.isArray(raw) ? raw : [raw])
      .filter((each) => each !== undefined && each !== null)
      .map((each) => (field?.kind === "time" ? timeOf(each as string)! : (each as Scalar)));
  }

  private raw(type: string, held: Held, name: string, locale: string): unknown {
    if (name === "id") return held.id;
    if (name === "slug") return held.slug;
    const shape = this.shapes.get(type)!;
    const value = held.fields[name];
    if (!this.field(type, name)?.localized) return value ?? undefined;
    const texts = (value ?? {}) as JsonObject;
    return texts[locale] ?? texts[shape.defaultLocale] ?? undefined;
  }

  private field(type: string, name: string): FieldShape | undefined {
    return this.shapes.get(type)!.fields.find((each) => each.name === name);
  }
}

function parse(field: FieldShape | undefined, text: string): readonly Scalar[] {
  switch (field?.kind) {
    case "number":
      return [Number(text)];
    case "boolean":
      return [text === "true"];
    case "time":
      return [timeOf(text)!];
    case "other":
      return [
        text,
        ...(/^-?\d+$/.test(text) ? [Number(text)] : []),
        ...(text === "true" || text === "false" ? [text === "true"] : []),
      ];
    default:
      return [text];
  }
}

function slot(value: Scalar): Scalar {
  return typeof value === "string" ? textSlotOf(value) : Number(value);
}

function order2(left: Scalar, right: Scalar): number {
  return typeof left === "string" ? compareText(left, String(right)) : Number(left) - Number(right);
}
