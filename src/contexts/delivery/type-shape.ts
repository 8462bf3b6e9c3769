// What reading needs to know of a content type: its fields, their locales, and which slot of the sort row holds what.

/** How a field's values are compared: `number` also stands for booleans (0, 1) and `time` for RFC 3339 text kept as milliseconds. */
export type ValueKind = "number" | "boolean" | "time" | "text" | "other";

export interface FieldShape {
  readonly name: string;
  readonly kind: ValueKind;
  readonly array: boolean;
  readonly localized: boolean;
  /** `x-indexed` or `x-reference`: may be filtered by; sorted by when it has slots. */
  readonly indexed: boolean;
  readonly searchable: boolean;
  /** Type of the entries that this field refers to. */
  readonly reference?: string;
  /** Locale → slot (`n1`, `t7`); `""` for a field that is not localized. Absent for arrays: those have tokens only. */
  readonly slots?: Readonly<Record<string, string>>;
}

export interface CompositeShape {
  /** As declared: `["country", "-population"]`. */
  readonly keys: readonly string[];
  /** `k1` … `k4`. */
  readonly slot: string;
}

/** Kept with the content type (`types.shape`), derived from its schema when it is saved. */
export interface TypeShape {
  readonly type: string;
  /** Position-independent version of the type: its stream's version. */
  readonly revision: number;
  readonly locales: readonly string[];
  readonly defaultLocale: string;
  readonly fields: readonly FieldShape[];
  readonly composites: readonly CompositeShape[];
}

/** The types of a space by name. */
export type Shapes = Pick<ReadonlyMap<string, TypeShape>, "get">;
