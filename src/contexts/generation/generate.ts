// The job that drafts an entry: asks a provider, a bounded number of times, and saves what satisfies the content type. Whatever costs money is
// written down before it is done: who dies after a request makes at most one more, and a draft has the id of its job.
import { type Millis, millis, type Seconds, seconds } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { JobKind, Turn, TurnEnd } from "../../platform/jobs/job.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import { Outage, wasNotSent } from "../../platform/resilience/outage.ts";
import { type ContentType, whyNotFields } from "../authoring/authoring.ts";
import { GENERATION, NOTHING_USED } from "./ask-generation.ts";
import { answerSchema, type Draftable, fieldsOf, messagesOf, repairOf } from "./domain/wanted.ts";
import type { Provider, Reply } from "./ports.ts";
import { type DraftParts, type Found, loadType, saveDraft } from "./save-draft.ts";

export interface GenerateParts extends DraftParts {
  /** Absent: none is configured (any more). */
  readonly provider: Provider | undefined;
}

/** How far it is. Every member is written before what it speaks of can be forgotten. */
interface State {
  /** Requests that were about to be sent. */
  readonly asked: number;
  /** Those of which is known what became of them. */
  readonly settled: number;
  /** The provider takes no schema. */
  readonly isPlain: boolean;
  /** The answer that did not satisfy, and why: the next request says so. */
  readonly bad: { readonly text: string; readonly wrong: readonly string[] } | null;
  /** What will be saved. */
  readonly fields: JsonObject | null;
}

const NOTHING_DONE: State = { asked: 0, settled: 0, isPlain: false, bad: null, fields: null };
/** Requests of one job, whatever they were answered with. */
const MOST_ASKED = 4;
const MAX_TOKENS = 4_000;
const LONGEST: Millis = millis(30 * 60_000);
const FIRST_WAIT_S = 2;
const LONGEST_WAIT_S = 60;
const WRONG_SHOWN = 20;

export function generate(parts: GenerateParts): JobKind {
  return {
    name: GENERATION,
    async run(turn) {
      const { job } = turn;
      if (!job.isAlive) return failed("space-missing", "The space was deleted");
      const state: State = { ...NOTHING_DONE, ...(job.state as Partial<State>) };
      const found = await loadType(parts, job.space, String(job.plan["type"]));
      if (found === undefined) return failed("type-missing", "The content type is not there any more");
      return state.fields === null
        ? await ask(parts, turn, state, found)
        : await saveDraft(parts, turn, state.fields, found);
    },
  };
}

async function ask(parts: GenerateParts, turn: Turn, state: State, found: Found): Promise<TurnEnd> {
  const { provider, clock } = parts;
  if (provider === undefined) return failed("generation-not-configured", "No provider is configured any more");
  if (state.asked - state.settled > 1)
    return failed("generation-unanswered", "The provider was asked twice and did not answer");
  if (state.asked >= MOST_ASKED)
    return failed("generation-unavailable", `The provider gave no answer to ${state.asked} requests`);
  if (clock.now() - turn.job.createdAt > LONGEST)
    return failed("generation-unavailable", "The provider was away for too long");
  if (!(await turn.keep({ state: { asked: state.asked + 1 } }))) return OVER;
  const asking = { ...state, asked: state.asked + 1 };
  const replied = await attempt(() => provider.complete(wantedOf(turn, asking, found.type)));
  if (replied.ok) return await takeReply(parts, turn, asking, found, replied.value);
  // Whether it is paid for, nobody knows: it stays unsettled.
  const isSent = !wasNotSent(replied.error);
  if (!isSent && !(await turn.keep({ state: { asked: state.asked } }))) return OVER;
  if (!(replied.error instanceof Outage)) throw replied.error;
  return { is: "more", after: waitOf(asking.asked) };
}

function wantedOf({ job }: Turn, { isPlain, bad }: State, type: ContentType) {
  const schema = answerSchema(draftableOf(type));
  const plan = { brief: String(job.plan["brief"]), locale: String(job.plan["locale"]) };
  const first = messagesOf({ name: type.document.name, schema }, plan);
  const messages = bad === null ? first : repairOf(first, bad.text, bad.wrong);
  return { messages, maxTokens: MAX_TOKENS, ...(isPlain ? {} : { schema }) };
}

async function takeReply(
  parts: GenerateParts,
  turn: Turn,
  asking: State,
  found: Found,
  reply: Reply,
): Promise<TurnEnd> {
  const settled = asking.settled + 1;
  const usage = usedBy(turn.job.shown, reply);
  const shown = { usage };
  switch (reply.is) {
    case "busy":
      if (!(await turn.keep({ state: { settled }, shown }))) return OVER;
      return { is: "more", after: reply.after ?? waitOf(asking.asked) };
    case "refused":
      // Some that are compatible otherwise do not know schemas.
      if ((reply.status === 400 || reply.status === 422) && !asking.isPlain && asking.bad === null)
        return (await turn.keep({ state: { settled, isPlain: true }, shown })) ? NEXT : OVER;
      return { ...failed("generation-refused", `The provider refused the request with status ${reply.status}`), shown };
    case "unreadable":
      return { ...failed("generation-invalid", `The provider's answer cannot be read: ${reply.why}`), shown };
    case "answered": {
      const judged = judge(parts, turn, found, reply);
      if (judged.ok) {
        if (!(await turn.keep({ state: { settled, fields: judged.fields, bad: null }, shown }))) return OVER;
        return await saveDraft(parts, turn, judged.fields, found);
      }
      if (asking.bad !== null) return { ...invalid(judged.wrong), shown };
      const bad = { text: reply.text.slice(0, 20_000).toWellFormed().replaceAll("\0", ""), wrong: judged.wrong };
      return (await turn.keep({ state: { settled, bad }, shown })) ? NEXT : OVER;
    }
  }
}

type Judged =
  | { readonly ok: true; readonly fields: JsonObject }
  | { readonly ok: false; readonly wrong: readonly string[] };

function judge(
  { schemas }: GenerateParts,
  { job }: Turn,
  { type, settings }: Found,
  { json: answer, cut }: Reply & { readonly is: "answered" },
): Judged {
  if (answer === undefined)
    return { ok: false, wrong: [cut ? "It was cut off: it must be shorter" : "It is not JSON"] };
  const read = fieldsOf(answer, draftableOf(type), String(job.plan["locale"]));
  if (!read.ok) return { ok: false, wrong: [read.why] };
  const broken = whyNotFields(schemas, type, settings.locales, read.fields);
  if (broken === undefined) return { ok: true, fields: read.fields };
  const wrong = (broken.errors ?? [])
    .slice(0, WRONG_SHOWN)
    // What is quoted may be cut within a character, which cannot be stored.
    .map(({ pointer, detail }) => `${pointer ?? ""}: ${detail}`.slice(0, 500).toWellFormed());
  return { ok: false, wrong: wrong.length === 0 ? [broken.detail.toWellFormed()] : wrong };
}

function draftableOf({ document, shape }: ContentType): Draftable {
  return { schema: document.schema, fields: shape.fields };
}

function usedBy(shown: JsonObject, reply: Reply): JsonObject {
  const before = { ...NOTHING_USED, ...(shown["usage"] as Partial<typeof NOTHING_USED> | undefined) };
  const { prompt, completion, total } = reply.is === "answered" ? reply.tokens : { prompt: 0, completion: 0, total: 0 };
  return {
    requests: before.requests + 1,
    promptTokens: before.promptTokens + prompt,
    completionTokens: before.completionTokens + completion,
    totalTokens: before.totalTokens + total,
  };
}

function waitOf(asked: number): Seconds {
  return seconds(Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (asked - 1)));
}

function invalid(wrong: readonly string[]): TurnEnd & { readonly is: "failed" } {
  const errors = wrong.map((detail) => ({ detail }));
  const detail = "What the provider wrote does not satisfy the content type, and neither did its second attempt";
  return { is: "failed", error: { code: "generation-invalid", detail, errors } };
}

export function failed(code: string, detail: string): TurnEnd & { readonly is: "failed" } {
  return { is: "failed", error: { code, detail } };
}

const OVER: TurnEnd = { is: "over" };
const NEXT: TurnEnd = { is: "more" };
