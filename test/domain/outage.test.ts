// Which errors of Postgres mean that this endpoint is no use at the moment, so that another is asked and nobody is told of a bug.
import { expect, test } from "vitest";
import { outage } from "../../src/http/problem.ts";
import { DatabaseError, isAway, isBusy } from "../../src/platform/database/outage.ts";

const error = (sqlstate: string): DatabaseError => new DatabaseError(sqlstate, "said Postgres", {});

test.each(["57P01", "57P03", "25006", "08006", "28000", "28P01", "3D000"])(
  "%s: as good as no answer, so 503 and never 500",
  (sqlstate) => {
    expect(isAway(error(sqlstate))).toBe(true);
    expect(outage(error(sqlstate), "r").status).toBe(503);
  },
);

test.each(["42P01", "42501", "22P02", "XX000"])("%s: a bug of ours", (sqlstate) => {
  expect(isAway(error(sqlstate)) || isBusy(error(sqlstate))).toBe(false);
  expect(outage(error(sqlstate), "r").status).toBe(500);
});
