// What all measurements of hits stand on: one stack, one space, the same questions.
import type { Stack } from "../../local/stack.ts";
import type { Meter } from "../load/cpu.ts";
import type { Generator } from "../load/generator.ts";
import type { Options } from "../options.ts";
import type { Filled } from "../workers/content.ts";
import { SPACE, slugOf, TYPE } from "../workers/seed.ts";
import type { Answers } from "./floors.ts";

/** Of a round of a far tier: each article is asked for once by an isolate that has not seen it. */
export const ARTICLES = 600;
export const ONE = `/v1/spaces/${SPACE}/content/${TYPE}/${slugOf(0)}`;
export const MANY = `/v1/spaces/${SPACE}/content/${TYPE}?limit=20&include=author`;

export interface HitsBench {
  readonly stack: Stack;
  readonly options: Options;
  readonly space: Filled;
  readonly code: string;
  readonly node: Generator;
  /** wrk where there is one. */
  readonly strongest: Generator;
  readonly meter: Meter;
  readonly answers: Answers;
  readonly after: (stop: () => unknown) => void;
}
