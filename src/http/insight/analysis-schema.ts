// What is found about an entry's text, as clients get it.
import * as z from "zod";

const checkSchema = z
  .object({
    id: z.string().meta({ maxLength: 64, examples: ["title-length"] }),
    status: z
      .enum(["good", "fair", "poor", "skipped"])
      .meta({ description: "`skipped`: does not apply to the entry, or cannot be said of its language." }),
    score: z.int().min(0).max(100).optional().meta({ description: "Absent: it does not count." }),
    detail: z
      .string()
      .meta({ maxLength: 300, examples: ["The title has 42 characters; 20 to 60 are shown whole and say enough"] }),
  })
  .meta({ id: "AnalysisCheck" });

export const analysisSchema = z
  .object({
    score: z
      .int()
      .min(0)
      .max(100)
      .nullable()
      .meta({ description: "Mean of the checks that count, by weight; null: the type has no text to be looked at." }),
    checks: z.array(checkSchema),
    analysedVersion: z.int().min(1).meta({ description: "The published version that was looked at." }),
    locale: z.string().meta({
      maxLength: 40,
      description:
        "Whose text was looked at: the default locale's where the entry has no text of its own in the one that was asked for.",
      examples: ["en"],
    }),
    analysedAt: z.iso.datetime(),
  })
  .meta({ id: "Analysis" });
