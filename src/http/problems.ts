// Every code that a refusal may carry, explained: `/problems/<code>` answers from here, and titles come from here.
import type { FaultKind } from "../kernel/fault.ts";
import { AFTERWARDS_PROBLEMS } from "./problems/afterwards.ts";
import { ASKING_PROBLEMS } from "./problems/asking.ts";
import { CONTENT_PROBLEMS } from "./problems/content.ts";
import { READING_PROBLEMS } from "./problems/reading.ts";
import { TENANCY_PROBLEMS } from "./problems/tenancy.ts";
import { TROUBLE_PROBLEMS } from "./problems/trouble.ts";

export interface Problem {
  readonly kind: FaultKind;
  /** Never changes with the occurrence (RFC 9457). */
  readonly title: string;
  /** What has happened, in a paragraph. */
  readonly means: string;
  /** What whoever asked should do. */
  readonly remedy: string;
  /** A registered problem type that says the same; else the type is our own page. */
  readonly type?: string;
}

export const PROBLEMS: Readonly<Record<string, Problem>> = {
  ...AFTERWARDS_PROBLEMS,
  ...ASKING_PROBLEMS,
  ...CONTENT_PROBLEMS,
  ...READING_PROBLEMS,
  ...TENANCY_PROBLEMS,
  ...TROUBLE_PROBLEMS,
};
