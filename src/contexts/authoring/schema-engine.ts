// The port to a JSON Schema validator.
import type { FaultItem } from "../../kernel/fault.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";

export interface SchemaEngine {
  /** How many steps a `pattern` compiles to, and why it cannot be run in time linear in the text. No `why`: it can. */
  measurePattern(pattern: string): { readonly steps: number; readonly why?: string };
  /**
   * Every violation of a schema that the dialect accepts, at most `most`; `code` is the keyword in kebab-case. Pointers begin with `root`.
   * Compiled once for each schema object: hand in the same object for the same schema.
   */
  violations(schema: JsonObject, value: Json, root: string, most: number): readonly FaultItem[];
}
