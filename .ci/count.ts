// Reads vitest's JSON report and prints `N passed, N failed`, last; leaves with 1 unless everything passed.
import { existsSync, readFileSync } from "node:fs";

type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
};

const [file = "", status = "1"] = process.argv.slice(2);
const report: Report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { testResults: [] };
const failures: string[] = [];
let passed = 0;

for (const { name, status: outcome, message, assertionResults } of report.testResults) {
  for (const test of assertionResults) {
    // A test that does not run proves nothing; only one that says why is let off, and it counts as neither.
    const isExcused = test.status !== "failed" && /skipped: \S/.test(test.fullName);
    if (test.status === "passed") passed += 1;
    else if (!isExcused) failures.push(`${test.status}: ${test.fullName}`);
  }
  const hasOwn = assertionResults.some((test) => test.status === "failed");
  if (outcome === "failed" && !hasOwn) failures.push(`${name}: ${message.split("\n", 1)[0]}`);
}
// A lint, a type, or a run that broke off is no test of its own, but nothing passes with it.
if (status !== "0" && failures.length === 0) failures.push("npm test failed outside the tests; see above");
if (passed === 0 && failures.length === 0) failures.push("no test ran");

for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
