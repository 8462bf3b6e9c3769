// A route that leaves out a policy column must not compile: `tsc` reports an @ts-expect-error that nothing follows. Never run.
import type { Operation } from "../../../src/http/operation.ts";
import type { Budget, Kept, Method, Route, Who } from "../../../src/http/route.ts";

declare const method: Method;
declare const path: string;
declare const operation: Operation;
declare const who: Who;
declare const budget: Budget;
declare const kept: Kept;

export const complete: Route = { method, path, operation, who, budget, kept };

// @ts-expect-error who may ask has no default
export const askedByWhom: Route = { method, path, operation, budget, kept };

// @ts-expect-error what it is charged to has no default
export const chargedToWhat: Route = { method, path, operation, who, kept };

// @ts-expect-error how long the edge keeps it has no default
export const keptHowLong: Route = { method, path, operation, who, budget };

// @ts-expect-error and none of them may be undefined
export const undecided: Route = { method, path, operation, who: undefined, budget, kept };
