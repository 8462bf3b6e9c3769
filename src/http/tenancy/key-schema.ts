// API keys as their owners send and get them.
import * as z from "zod";
import { KEY_NAME_MOST } from "../../contexts/tenancy/tenancy.ts";
import type { KeyId } from "../../kernel/id.ts";
import { SCOPE_NAMES } from "../../kernel/scope.ts";
import { spaceParams } from "./space-schema.ts";

export const keyParams = spaceParams.extend({
  id: z
    .string()
    .regex(/^[0-9A-Za-z]{11,16}$/)
    .transform((id) => id as KeyId)
    .meta({ description: "Id of the key.", override: { type: "string", pattern: "^[0-9A-Za-z]{11,16}$" } }),
});

const name = z
  .string()
  .min(1)
  .max(KEY_NAME_MOST)
  .meta({ description: "For people.", examples: ["website"] });
const scopes = z.array(z.enum(SCOPE_NAMES)).min(1).max(SCOPE_NAMES.length);
const time = z.iso.datetime();

export const newKey = z
  .strictObject({
    name,
    scopes: scopes.meta({
      description: "What the key allows: never more than the credential that makes it holds.",
      examples: [["content:read"]],
    }),
    expiresAt: z.iso
      .datetime({ offset: true })
      .nullable()
      .optional()
      .meta({ description: "RFC 3339, in the future; absent or null: never." }),
  })
  .meta({ id: "NewKey" });

export const keySchema = z
  .object({
    id: z.string(),
    name,
    scopes,
    createdAt: time,
    expiresAt: time.nullable(),
    lastUsedAt: time.nullable().meta({ description: "Null as long as use is not recorded." }),
  })
  .meta({ id: "Key" });

export const keyWithSecret = keySchema
  .extend({
    key: z
      .string()
      .regex(/^mrd_[0-9A-Za-z]{11,16}_[0-9A-Za-z]{33}$/)
      .meta({ description: "The key itself: shown here and never again." }),
  })
  .meta({ id: "KeyWithSecret" });

export const keyListSchema = z.object({
  data: z.array(keySchema),
  page: z.object({ next: z.string().nullable(), size: z.int().min(0), at: z.int().min(0) }),
});
