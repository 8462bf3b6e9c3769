// Spaces as operators send and get them.
import * as z from "zod";
import {
  BUDGETS,
  CLIENT_MAX_AGE_MOST,
  LOCALES_MOST,
  PLANS,
  QUOTA_MOST,
  SPACE_NAME_MOST,
  WINDOW_MOST,
} from "../../contexts/tenancy/tenancy.ts";
import { LOCALE, SPACE_ID } from "../../kernel/id.ts";

export const spaceParams = z.object({
  space: z
    .string()
    .regex(SPACE_ID)
    .meta({ description: "Id of the space.", examples: ["atlas"] }),
});

const name = z
  .string()
  .min(1)
  .max(SPACE_NAME_MOST)
  .meta({ description: "For people.", examples: ["Atlas"] });
const locale = z.string().max(35).regex(LOCALE);
const locales = z
  .array(locale)
  .min(1)
  .max(LOCALES_MOST)
  .meta({ description: "Language tags (BCP 47), each once.", examples: [["en", "fr"]] });
const defaultLocale = locale.meta({
  description: "One of the locales: what a missing translation falls back to.",
  examples: ["en"],
});
const publicRead = z.boolean().meta({ description: "Whether published content is served without credentials." });
const plan = z.enum(PLANS);
const quota = z.int().min(1).max(QUOTA_MOST);
const window = z.int().min(1).max(WINDOW_MOST).meta({ description: "Seconds." });
const clientMaxAge = z.int().min(0).max(CLIENT_MAX_AGE_MOST).meta({
  description: "Lets clients reuse content unasked for so many seconds; they may then miss changes for as long.",
});
const edgeOutsideResidency = z.boolean().meta({
  description:
    "Whether published content may be kept in caches outside the space's residency. Default true. False: requests from outside are answered by the space's databases.",
});

const perBudget = <T extends z.ZodType>(limit: T) =>
  z.strictObject(Object.fromEntries(BUDGETS.map((budget) => [budget, limit.optional()])));
const limits = perBudget(z.strictObject({ quota, window })).meta({
  description: "Budgets that differ from the plan's.",
});

export const newSpace = z
  .strictObject({
    id: z
      .string()
      .regex(SPACE_ID)
      .meta({
        description: "2 to 39 of a-z, 0-9 and `-`, beginning with a letter. Never given out again.",
        examples: ["atlas"],
      }),
    name,
    residency: z
      .string()
      .min(1)
      .max(63)
      .meta({ description: "Where the space's data is kept.", examples: ["us", "eu"] }),
    locales,
    defaultLocale,
    publicRead,
    plan,
    limits: limits.optional(),
    clientMaxAge: clientMaxAge.optional(),
    edgeOutsideResidency: edgeOutsideResidency.optional(),
  })
  .meta({ id: "NewSpace" });

/** A merge patch: `null` takes an optional setting away. */
export const spacePatch = z
  .strictObject({
    name: name.optional(),
    locales: locales.optional(),
    defaultLocale: defaultLocale.optional(),
    publicRead: publicRead.optional(),
    plan: plan.optional(),
    limits: perBudget(z.strictObject({ quota: quota.optional(), window: window.optional() }).nullable())
      .nullable()
      .optional(),
    clientMaxAge: clientMaxAge.nullable().optional(),
    edgeOutsideResidency: edgeOutsideResidency.nullable().optional(),
  })
  .meta({ id: "SpacePatch" });

const time = z.iso.datetime();

export const spaceSchema = z
  .object({
    id: z.string().regex(SPACE_ID),
    name,
    residency: z.string(),
    locales,
    defaultLocale,
    publicRead,
    plan,
    limits,
    clientMaxAge: clientMaxAge.nullable(),
    edgeOutsideResidency,
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Space" });

export const spaceListSchema = z.object({
  data: z.array(spaceSchema),
  page: z.object({ next: z.string().nullable(), size: z.int().min(0) }),
});
