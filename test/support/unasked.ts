// Questions about cities (`makeTypes`) that no cache has an answer to: they mean what they say, and nobody has asked them before.

const asked = new Map<string, number>();
const OPTIONAL = ["population", "country", "tags", "note"];
const LOCALES = ["en", "fr", "*"];
/** Forms of a question about one entry: subsets of the optional fields, in each locale. */
const FORMS = 2 ** OPTIONAL.length * LOCALES.length;

/** `path` after `content/`: `city`, `city?sort=name`, `city/paris`, `city/paris?include=country`. */
export function unasked(path: string): string {
  const n = asked.get(path) ?? 0;
  asked.set(path, n + 1);
  const isList = !(path.split("?")[0] ?? "").includes("/");
  if (!isList && n >= FORMS) throw new Error(`All ${FORMS} ways to ask for ${path} have been used`);
  const subset = OPTIONAL.filter((_, bit) => (n >> bit) & 1);
  const form = isList
    ? `filter[id][ne]=nobody-${crypto.randomUUID()}`
    : `fields=${["name", ...subset].join(",")}&locale=${LOCALES[Math.floor(n / 2 ** OPTIONAL.length)]}`;
  return `${path}${path.includes("?") ? "&" : "?"}${form}`;
}
