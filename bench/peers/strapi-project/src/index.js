// Opens reading to everybody and fills the database, the first time that it is started on one.
const { readFileSync, writeFileSync } = require("node:fs");

module.exports = {
  register() {},
  async bootstrap({ strapi }) {
    const role = await strapi.db.query("plugin::users-permissions.role").findOne({ where: { type: "public" } });
    for (const action of [
      "article.article.find",
      "article.article.findOne",
      "author.author.find",
      "author.author.findOne",
    ])
      await strapi.db
        .query("plugin::users-permissions.permission")
        .create({ data: { action: `api::${action}`, role: role.id } });
    const { authors, articles } = JSON.parse(readFileSync(process.env.CONTENT, "utf8"));
    const written = [];
    for (let n = 0; n < authors; n += 1)
      written.push(
        await strapi.documents("api::author.author").create({ data: { name: `Author ${n}` }, status: "published" }),
      );
    const ids = [];
    const began = performance.now();
    for (const [n, { title, words, body, tags }] of articles.entries()) {
      const author = written[n % authors].documentId;
      const data = { title, words, body, tags, author };
      ids.push((await strapi.documents("api::article.article").create({ data, status: "published" })).documentId);
    }
    writeFileSync("filled.json", JSON.stringify((ids.length * 1000) / (performance.now() - began)));
    writeFileSync("ids.json", JSON.stringify(ids));
  },
};
