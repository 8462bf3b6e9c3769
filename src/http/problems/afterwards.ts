// Problems of webhooks, jobs and dead letters.
import type { Problem } from "../problems.ts";

export const AFTERWARDS_PROBLEMS: Readonly<Record<string, Problem>> = {
  "webhook-missing": {
    kind: "missing",
    title: "No such webhook",
    means: "The space has no webhook with this id.",
    remedy: "List the space's webhooks to see their ids.",
  },
  "webhook-disabled": {
    kind: "conflict",
    title: "Webhook is disabled",
    means:
      "Nothing is sent to a webhook that is disabled: by its owner, because it answered 410, or because it failed for days.",
    remedy: "Change it with `enabled: true`, then ask again.",
  },
  "webhooks-too-many": {
    kind: "conflict",
    title: "Too many webhooks",
    means: "The space has as many webhooks as a space may have.",
    remedy: "Delete one that is not needed, or let one receiver serve several purposes.",
  },
  "url-not-allowed": {
    kind: "invalid",
    title: "URL not allowed",
    means:
      "Messages are posted by https to names and addresses of the public internet only, without credentials in the URL.",
    remedy: "Give the receiver a public name with a certificate. The detail says what is wrong with this URL.",
  },
  "replay-range": {
    kind: "invalid",
    title: "Not a range of positions",
    means: "A replay begins at or before its end, and ends at or before the space's head.",
    remedy: "Leave out `toPosition` to replay up to the head.",
  },
  "job-missing": {
    kind: "missing",
    title: "No such job",
    means: "There is no job with this id here, or it ended so long ago that it was forgotten.",
    remedy: "Follow the `Location` that the answer gave which started the job.",
  },
  "jobs-too-many": {
    kind: "limited",
    title: "Too many unfinished jobs",
    means: "The space has as many unfinished jobs of this kind as a space may have.",
    remedy: "Wait for `Retry-After`, or cancel jobs that are not needed any more.",
  },
  "job-gave-up": {
    kind: "unavailable",
    title: "Job given up",
    means:
      "Every attempt to go on with the job broke off. It is what a job says that has failed; nothing is answered with it.",
    remedy: "What it had done by then stands. Ask for it again; if that fails too, report the job's id.",
  },
  "entry-changed": {
    kind: "conflict",
    title: "Entry changed meanwhile",
    means:
      "An import wrote the entry's draft and was to publish it when all other drafts were there; by then somebody else had changed or deleted it. It stands in the errors of an import's lines.",
    remedy: "Look at the draft and publish it, or import the line again.",
  },
  "line-too-long": {
    kind: "malformed",
    title: "Line too long",
    means: "A line of an import is longer than any entry may be. It stands in the errors of an import's lines.",
    remedy: "Shorten the line; an entry's fields may take 512 KiB as JSON.",
  },
  "line-too-much": {
    kind: "invalid",
    title: "Line too much for a commit",
    means:
      "What a line of an import writes, with its index, is more than one commit can carry, or takes longer than one may, by itself and repeatedly. It stands in the errors of an import's lines.",
    remedy: "Give the entry fewer or shorter values, or index fewer of its fields.",
  },
  "import-file-missing": {
    kind: "missing",
    title: "Import's file is gone",
    means: "The file that was uploaded for an import is not there any more. It is what a job says that has failed.",
    remedy: "Import the file again: what is there already does not change.",
  },
  "event-unknown": {
    kind: "unsupported",
    title: "Event of a later release",
    means:
      "The log holds an event of a kind or version that this release does not know. It is the reason of a dead letter: whoever has to take the event in waits.",
    remedy: "Deploy the release that wrote it, or a later one, and redrive the dead letter.",
  },
  "too-much-text": {
    kind: "limited",
    title: "Too much text at once",
    means: "The events of one step bring more text than is analysed in one; they are taken one by one then.",
    remedy: "Nothing needs to be done.",
  },
  "generation-not-configured": {
    kind: "unsupported",
    title: "Nobody drafts here",
    means: "The deployment has no provider that drafts entries.",
    remedy: "Its operator sets GENERATION_URL, GENERATION_KEY and GENERATION_MODEL.",
  },
  "type-not-draftable": {
    kind: "invalid",
    title: "Type cannot be drafted",
    means: "Entries of this content type need references to other entries, which nobody can invent.",
    remedy: "Make the reference optional in the content type, or write the entry yourself.",
  },
  "generation-invalid": {
    kind: "invalid",
    title: "Provider wrote something else",
    means: "What the provider wrote does not satisfy the content type's schema. It is the reason why a job failed.",
    remedy: "Ask again with a brief that says more, or for a simpler type. The job's errors say what was wrong.",
  },
  "generation-unanswered": {
    kind: "unavailable",
    title: "Provider did not answer",
    means:
      "Two requests to the provider ended without an answer; it may have been paid for them. It is the reason why a job failed.",
    remedy: "Ask again later, or for less text.",
  },
  "generation-unavailable": {
    kind: "unavailable",
    title: "Provider unavailable",
    means: "The provider was away or too busy, each time. It is the reason why a job failed.",
    remedy: "Ask again later.",
  },
  "generation-refused": {
    kind: "unavailable",
    title: "Provider refused",
    means:
      "The provider refused the request as such: its address, key or model is wrong, or it led elsewhere. It is the reason why a job failed.",
    remedy: "The operator looks at GENERATION_URL, GENERATION_KEY and GENERATION_MODEL.",
  },
  "dead-letter-missing": {
    kind: "missing",
    title: "No such dead letter",
    means: "There is no dead letter with this id: it was redriven or deleted, or never was.",
    remedy: "List the dead letters to see their ids.",
  },
  "queue-missing": {
    kind: "conflict",
    title: "No such queue",
    means: "The message came from a queue that this release does not have, so that it cannot be put back.",
    remedy: "Delete the dead letter, or deploy a release that has the queue.",
  },
};
