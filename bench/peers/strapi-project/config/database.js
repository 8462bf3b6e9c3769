// The embedded Postgres of the measurement.
module.exports = ({ env }) => ({
  connection: {
    client: "postgres",
    connection: {
      host: env("DATABASE_HOST"),
      port: env.int("DATABASE_PORT"),
      database: env("DATABASE_NAME"),
      user: env("DATABASE_USERNAME"),
      password: "",
      ssl: false,
    },
    pool: { min: 2, max: 10 },
  },
});
