// The package has no types of its own: what is used of it.
declare module "parse-prometheus-text-format" {
  export interface ParsedFamily {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly metrics: readonly { readonly value: string; readonly labels?: Readonly<Record<string, string>> }[];
  }
  // biome-ignore lint/style/noDefaultExport: it is the package's
  export default function parse(text: string): readonly ParsedFamily[];
}
