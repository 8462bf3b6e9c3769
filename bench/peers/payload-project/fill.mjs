// Makes the tables (which Payload does outside of production only) and fills them.
import { readFileSync, writeFileSync } from "node:fs";
import { getPayload } from "payload";
import config from "./payload.config.mjs";

const payload = await getPayload({ config });
const { authors, articles } = JSON.parse(readFileSync(process.env.CONTENT, "utf8"));
const written = [];
for (let n = 0; n < authors; n += 1)
  written.push(await payload.create({ collection: "authors", data: { name: `Author ${n}` } }));
const ids = [];
const began = performance.now();
for (const [n, { title, words, body, tags }] of articles.entries()) {
  const author = written[n % authors].id;
  ids.push((await payload.create({ collection: "articles", data: { title, words, body, tags, author }, depth: 0 })).id);
}
writeFileSync("filled.json", JSON.stringify((ids.length * 1000) / (performance.now() - began)));
writeFileSync("ids.json", JSON.stringify(ids));
process.exit(0);
