// Everything that happens afterwards. To add something: a file named as a sentence, and a line here.
import { bringDigestUpWhenSpaceAdvances } from "./bring-digest-up-when-space-advances.ts";
import { on, type Reaction, tries } from "./reaction.ts";

// biome-ignore format: a table
export const REACTIONS: readonly Reaction[] = [
  // when               queue          do                                          give up after
  on("SpaceAdvanced",   "changes",     bringDigestUpWhenSpaceAdvances,             tries(8)),
];
