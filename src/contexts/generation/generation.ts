// The door of generation: drafts that somebody else writes.
export { type AskGeneration, askGeneration, BRIEF_MOST, GENERATION, type GenerationData } from "./ask-generation.ts";
export { answerSchema, type Draftable, fieldsOf, type Message, messagesOf, notDraftable } from "./domain/wanted.ts";
export { type GenerateParts, generate } from "./generate.ts";
export type { Provider, Reply, Tokens, Wanted } from "./ports.ts";
