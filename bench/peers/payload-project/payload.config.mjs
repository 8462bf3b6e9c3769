// The same content; everybody may read what is published.
import { postgresAdapter } from "@payloadcms/db-postgres";
import { buildConfig } from "payload";

const everybody = () => true;

export default await buildConfig({
  secret: "only-for-this-measurement-0123456789",
  telemetry: false,
  logger: { options: { level: "warn" } },
  graphQL: { disable: true },
  db: postgresAdapter({
    pool: { connectionString: process.env.DATABASE_URL, max: 10 },
    idType: "serial",
    push: process.env.FILL === "yes",
  }),
  collections: [
    { slug: "users", auth: true, fields: [] },
    { slug: "authors", access: { read: everybody }, fields: [{ name: "name", type: "text" }] },
    {
      slug: "articles",
      access: { read: everybody },
      fields: [
        { name: "title", type: "json" },
        { name: "words", type: "number", index: true },
        { name: "author", type: "relationship", relationTo: "authors" },
        { name: "body", type: "textarea" },
        { name: "tags", type: "json" },
      ],
    },
  ],
});
