// What all countings stand on: some isolates that share a data centre, one that is elsewhere, and spaces full of articles.
import type { Options } from "../options.ts";
import type { Running } from "../workers/bundle.ts";
import type { Filled } from "../workers/content.ts";

export interface CountsBench {
  readonly control: string;
  /** One isolate each. Their shield is the first one's. */
  readonly isolates: readonly Running[];
  /** An isolate in a process of its own, with its own cache: where editors are. */
  readonly elsewhere: Running;
  readonly spaces: readonly Filled[];
  readonly options: Options;
}
