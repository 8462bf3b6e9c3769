// What generation needs of the outside: somebody who writes.
import type { Seconds } from "../../kernel/clock.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";
import type { Message } from "./domain/wanted.ts";

/** As the provider counts them; a provider that does not tell is counted as 0. */
export interface Tokens {
  readonly prompt: number;
  readonly completion: number;
  readonly total: number;
}

export interface Wanted {
  readonly messages: readonly Message[];
  /** JSON Schema of the answer; absent: any JSON, because this provider takes none. */
  readonly schema?: JsonObject;
  readonly maxTokens: number;
}

/** What came back, whatever it is worth. */
export type Reply =
  /** `json`: its text understood, absent when it is no JSON; `cut`: it ended because it grew too long. */
  | {
      readonly is: "answered";
      readonly text: string;
      readonly json: Json | undefined;
      readonly tokens: Tokens;
      readonly cut: boolean;
    }
  /** It answered, and not with what an answer is: another form, or more than is read. */
  | { readonly is: "unreadable"; readonly why: string }
  /** Not now. */
  | { readonly is: "busy"; readonly status: number; readonly after?: Seconds }
  /** Never, asked like this. */
  | { readonly is: "refused"; readonly status: number };

export interface Provider {
  readonly model: string;
  /** One request, no redirect followed, so much read and no more. Throws `Outage` when none came back: whether it is paid for is then not known. */
  complete(wanted: Wanted): Promise<Reply>;
}
