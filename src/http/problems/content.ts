// Problems of content types and entries.
import type { Problem } from "../problems.ts";

export const CONTENT_PROBLEMS: Readonly<Record<string, Problem>> = {
  "schema-violation": {
    kind: "invalid",
    title: "Fields break the content type's schema",
    means: "The entry's fields do not satisfy the schema of its type.",
    remedy: "Correct the fields that errors lists, or change the content type.",
  },
  "schema-unsupported": {
    kind: "invalid",
    title: "Schema not supported",
    means:
      "The content type's schema uses a keyword, or a keyword in a way, that content types do not have; a pattern that could take too long, or patterns that are too many or too large together (10,000 steps); a reserved field name; or more indexed fields than there are slots (8 for numbers, 16 for text, one per locale of a localized field).",
    remedy: "Remove or replace what errors lists. The reference lists the keywords that are supported.",
  },
  "schema-conflict": {
    kind: "conflict",
    title: "Existing entries violate the new schema",
    means: "The changed schema refuses entries that already exist; up to twenty of them are named.",
    remedy:
      "Correct these entries first, or save the type with validate=lenient; such entries must then satisfy the schema at their next change.",
  },
  "schema-check-running": {
    kind: "conflict",
    title: "Schema is being checked",
    means:
      "A job is looking at the type's entries before it saves the type with another schema. Until it has ended the type cannot be saved again.",
    remedy: "Follow the job that the detail names until it has ended, or cancel it.",
  },
  "schema-check-outdated": {
    kind: "conflict",
    title: "Schema check is outdated",
    means:
      "The content type or its space changed while a job looked at the type's entries, so that the type was not saved. It is what a job says that has failed.",
    remedy: "Save the type again.",
  },
  "schema-check-too-large": {
    kind: "conflict",
    title: "Too many entries to change an index of",
    means:
      "An index of more existing entries, or of more content, than one request can write again would become another one: another kind of field, another place, another default locale. Nothing was changed. A job says it of an entry whose index rows are more than one call to the database carries.",
    remedy: "Save the type without that index first and, when the job has ended, with it again; or declare a new type.",
  },
  "types-too-large": {
    kind: "conflict",
    title: "Content types too large together",
    means:
      "All content types of a space together may take only so much, because every place that answers keeps them at hand.",
    remedy: "Shorten descriptions and enumerations, or delete types that are not used.",
  },
  "type-missing": {
    kind: "missing",
    title: "No such content type",
    means: "The space has no content type of this name.",
    remedy: "Create the type first, or correct its name.",
  },
  "type-unknown": {
    kind: "invalid",
    title: "Entry of an unknown type",
    means: "The body names a content type that the space does not have.",
    remedy: "Create the type first, or correct its name.",
  },
  "type-mismatch": {
    kind: "conflict",
    title: "Entry has another type",
    means: "An entry keeps its content type for life, and this one has another than the body names.",
    remedy: "Send the entry's own type, or create a new entry.",
  },
  "type-in-use": {
    kind: "conflict",
    title: "Content type in use",
    means: "A content type cannot be deleted while entries of it exist, drafts and archived ones included.",
    remedy: "Delete its entries first.",
  },
  "fields-too-large": {
    kind: "invalid",
    title: "Fields too large",
    means: "An entry's fields take at most 512 KiB as JSON.",
    remedy: "Split the entry, or keep large files elsewhere and refer to them.",
  },
  "write-too-large": {
    kind: "invalid",
    title: "Write too large",
    means:
      "Beside the content itself a write carries its index rows (an indexed text once for each locale that falls back to it) and the answer that is kept for its repetition; together they took more than one call to the database carries.",
    remedy: "Shorten long indexed texts, or take x-indexed from fields that hold them.",
  },
  "entry-missing": {
    kind: "missing",
    title: "No such entry",
    means: "The space has no entry with this id.",
    remedy: "Check the id. A deleted entry does not come back, but its id may be used again.",
  },
  "analysis-missing": {
    kind: "missing",
    title: "No analysis",
    means: "An entry is analysed within moments of being published, and only while it is.",
    remedy: "Publish the entry, or ask again in a moment.",
  },
  "entry-exists": {
    kind: "conflict",
    title: "Entry id taken",
    means: "The space already has an entry with this id.",
    remedy: "Choose another id, leave it out to be given one, or use PUT to replace the entry.",
  },
  "entry-archived": {
    kind: "conflict",
    title: "Entry is archived",
    means: "An archived entry can be read, unarchived and deleted, and nothing else.",
    remedy: "Unarchive it first.",
  },
  "entry-referenced": {
    kind: "conflict",
    title: "Entry is referred to",
    means:
      "The draft or the published version of another entry refers to this one; deleting it would leave a reference to nothing.",
    remedy: "Remove these references first, or delete with force=true.",
  },
  "slug-taken": {
    kind: "conflict",
    title: "Slug taken",
    means: "Within a content type, ids and slugs of all entries, drafts included, are different from each other.",
    remedy: "Choose another slug or id.",
  },
  "reference-missing": {
    kind: "invalid",
    title: "Reference to nothing",
    means:
      "An entry can be published when each of its references points at an existing entry of the type that the field asks for.",
    remedy: "Create the entries that errors lists, or correct the references.",
  },
  "precondition-failed": {
    kind: "outdated",
    title: "Precondition failed",
    means:
      "The resource is not in the state that If-Match or If-None-Match asked for: somebody else changed it, or it does not exist, or it already does.",
    remedy: "Read it again, decide again, and send the new entity tag.",
  },
  "precondition-required": {
    kind: "invalid",
    title: "Precondition required",
    means: "Writes to entries of this content type must say which state they were decided on.",
    remedy: "Read the entry and send its ETag as If-Match.",
  },
  conflict: {
    kind: "conflict",
    title: "Too much competition",
    means:
      "Others kept changing the same resource while this request was decided, several times in a row. Nothing was written.",
    remedy: "Read the resource again and retry.",
  },
  "version-conflict": {
    kind: "conflict",
    title: "Changed meanwhile",
    means: "The resource was changed between reading and writing. The server repeats such a decision by itself.",
    remedy: "Read the resource again and retry.",
  },
  "type-entries-changed": {
    kind: "conflict",
    title: "Entries changed meanwhile",
    means:
      "Entries of the content type were changed while they were checked. The server repeats such a check by itself.",
    remedy: "Retry.",
  },
};
