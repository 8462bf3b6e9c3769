// SchemaEngine over @cfworker/json-schema and RE2: schemas are compiled once and forgotten with their content type.
import type { SchemaEngine } from "../../contexts/authoring/authoring.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { compile, type Node } from "./compile.ts";
import { judge } from "./judge.ts";
import { measurePattern } from "./pattern.ts";

export function schemaEngine(): SchemaEngine {
  // By identity: a type that is saved again is another object, and what nobody holds any more is not kept.
  const compiled = new WeakMap<JsonObject, Node>();
  return {
    measurePattern,
    violations(schema, value, root, most) {
      let node = compiled.get(schema);
      if (node === undefined) {
        node = compile(schema);
        compiled.set(schema, node);
      }
      return judge(node, value, root, most);
    },
  };
}
