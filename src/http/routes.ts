// Everything the world can ask.
import { archiveEntry } from "./authoring/archive-entry.ts";
import { createEntry } from "./authoring/create-entry.ts";
import { deleteEntry } from "./authoring/delete-entry.ts";
import { deleteType } from "./authoring/delete-type.ts";
import { getEntry } from "./authoring/get-entry.ts";
import { getType } from "./authoring/get-type.ts";
import { listEntries } from "./authoring/list-entries.ts";
import { listTypes } from "./authoring/list-types.ts";
import { patchEntry } from "./authoring/patch-entry.ts";
import { publishEntry } from "./authoring/publish-entry.ts";
import { replaceEntry } from "./authoring/replace-entry.ts";
import { saveType } from "./authoring/save-type.ts";
import { schemaChecks } from "./authoring/schema-checks.ts";
import { unarchiveEntry } from "./authoring/unarchive-entry.ts";
import { unpublishEntry } from "./authoring/unpublish-entry.ts";
import { exportEntries } from "./delivery/export-entries.ts";
import { getContent } from "./delivery/get-content.ts";
import { listChanges } from "./delivery/list-changes.ts";
import { listContent } from "./delivery/list-content.ts";
import { getDocs } from "./documents/get-docs.ts";
import { getDocsAsset } from "./documents/get-docs-asset.ts";
import { getHealth } from "./documents/get-health.ts";
import { getHealthLive } from "./documents/get-health-live.ts";
import { getHealthReady } from "./documents/get-health-ready.ts";
import { getMetrics } from "./documents/get-metrics.ts";
import { getOpenapi } from "./documents/get-openapi.ts";
import { getProblem } from "./documents/get-problem.ts";
import { askGeneration } from "./generation/ask-generation.ts";
import { generations } from "./generation/generations.ts";
import { getAnalysis } from "./insight/get-analysis.ts";
import { deleteDeadLetter } from "./relay/delete-dead-letter.ts";
import { listDeadLetters } from "./relay/list-dead-letters.ts";
import { redriveDeadLetter } from "./relay/redrive-dead-letter.ts";
import {
  anyone,
  DAY,
  fresh,
  holder,
  holderOrRoot,
  MINUTE,
  member,
  never,
  type Route,
  reader,
  root,
  route,
} from "./route.ts";
import { changeSpace } from "./tenancy/change-space.ts";
import { createKey } from "./tenancy/create-key.ts";
import { createSpace } from "./tenancy/create-space.ts";
import { deleteSpace } from "./tenancy/delete-space.ts";
import { getSpace } from "./tenancy/get-space.ts";
import { listKeys } from "./tenancy/list-keys.ts";
import { listSpaces } from "./tenancy/list-spaces.ts";
import { revokeKey } from "./tenancy/revoke-key.ts";
import { rotateKey } from "./tenancy/rotate-key.ts";
import { importJobs } from "./transfer/import-jobs.ts";
import { listImportErrors } from "./transfer/list-import-errors.ts";
import { startImport } from "./transfer/start-import.ts";
import { cancelReplay } from "./webhooks/cancel-replay.ts";
import { changeWebhook } from "./webhooks/change-webhook.ts";
import { createWebhook } from "./webhooks/create-webhook.ts";
import { deleteWebhook } from "./webhooks/delete-webhook.ts";
import { getReplay } from "./webhooks/get-replay.ts";
import { getWebhook } from "./webhooks/get-webhook.ts";
import { listDeliveries } from "./webhooks/list-deliveries.ts";
import { listReplays } from "./webhooks/list-replays.ts";
import { listWebhooks } from "./webhooks/list-webhooks.ts";
import { replayWebhook } from "./webhooks/replay-webhook.ts";
import { rotateWebhookSecret } from "./webhooks/rotate-webhook-secret.ts";
import { testWebhook } from "./webhooks/test-webhook.ts";

// biome-ignore format: a table
export const ROUTES: readonly Route[] = [
  //    method    path                                                 operation          who                              budget    kept at the edge
  route("POST",   "/v1/spaces",                                        createSpace,       root,                            "none",   never),
  route("GET",    "/v1/spaces",                                        listSpaces,        root,                            "none",   never),
  route("GET",    "/v1/spaces/:space",                                 getSpace,          root,                            "none",   never),
  route("PATCH",  "/v1/spaces/:space",                                 changeSpace,       root,                            "none",   never),
  route("DELETE", "/v1/spaces/:space",                                 deleteSpace,       root,                            "none",   never),

  route("POST",   "/v1/spaces/:space/keys",                            createKey,         holderOrRoot("keys:write"),      "write",  never),
  route("GET",    "/v1/spaces/:space/keys",                            listKeys,          holderOrRoot("keys:write"),      "read",   never),
  route("DELETE", "/v1/spaces/:space/keys/:id",                        revokeKey,         holderOrRoot("keys:write"),      "write",  never),
  route("POST",   "/v1/spaces/:space/keys/:id/rotate",                 rotateKey,         holderOrRoot("keys:write"),      "write",  never),

  route("PUT",    "/v1/spaces/:space/types/:type",                     saveType,          holder("types:write"),           "write",  never),
  route("GET",    "/v1/spaces/:space/types",                           listTypes,         member,                          "read",   never),
  route("GET",    "/v1/spaces/:space/types/:type",                     getType,           member,                          "read",   never),
  route("DELETE", "/v1/spaces/:space/types/:type",                     deleteType,        holder("types:write"),           "write",  never),

  route("GET",    "/v1/spaces/:space/types/:type/checks",              schemaChecks.list, holder("types:write"),           "read",   never),
  route("GET",    "/v1/spaces/:space/types/:type/checks/:job",         schemaChecks.get,  holder("types:write"),           "read",   never),
  route("POST",   "/v1/spaces/:space/types/:type/checks/:job/cancel",  schemaChecks.cancel,holder("types:write"),          "write",  never),

  route("POST",   "/v1/spaces/:space/entries",                         createEntry,       holder("content:write"),         "write",  never),
  route("GET",    "/v1/spaces/:space/entries",                         listEntries,       holder("content:preview"),       "read",   never),
  route("GET",    "/v1/spaces/:space/entries/:id",                     getEntry,          holder("content:preview"),       "read",   never),
  route("PUT",    "/v1/spaces/:space/entries/:id",                     replaceEntry,      holder("content:write"),         "write",  never),
  route("PATCH",  "/v1/spaces/:space/entries/:id",                     patchEntry,        holder("content:write"),         "write",  never),
  route("DELETE", "/v1/spaces/:space/entries/:id",                     deleteEntry,       holder("content:write"),         "write",  never),
  route("POST",   "/v1/spaces/:space/entries/:id/publish",             publishEntry,      holder("content:publish"),       "write",  never),
  route("POST",   "/v1/spaces/:space/entries/:id/unpublish",           unpublishEntry,    holder("content:publish"),       "write",  never),
  route("POST",   "/v1/spaces/:space/entries/:id/archive",             archiveEntry,      holder("content:write"),         "write",  never),
  route("POST",   "/v1/spaces/:space/entries/:id/unarchive",           unarchiveEntry,    holder("content:write"),         "write",  never),
  route("GET",    "/v1/spaces/:space/entries/:id/analysis",            getAnalysis,       holder("content:preview"),       "read",   never),

  route("GET",    "/v1/spaces/:space/content/:type",                   listContent,       reader,                          "read",   fresh(MINUTE).stale(DAY)),
  route("GET",    "/v1/spaces/:space/content/:type/:name",             getContent,        reader,                          "read",   fresh(MINUTE).stale(DAY)),

  route("GET",    "/v1/spaces/:space/changes",                         listChanges,       reader,                          "read",   never),
  route("GET",    "/v1/spaces/:space/export",                          exportEntries,     reader,                          "read",   never),
  route("POST",   "/v1/spaces/:space/webhooks",                        createWebhook,     holder("webhooks:write"),        "write",  never),
  route("GET",    "/v1/spaces/:space/webhooks",                        listWebhooks,      holder("webhooks:write"),        "read",   never),
  route("GET",    "/v1/spaces/:space/webhooks/:id",                    getWebhook,        holder("webhooks:write"),        "read",   never),
  route("PATCH",  "/v1/spaces/:space/webhooks/:id",                    changeWebhook,     holder("webhooks:write"),        "write",  never),
  route("DELETE", "/v1/spaces/:space/webhooks/:id",                    deleteWebhook,     holder("webhooks:write"),        "write",  never),
  route("POST",   "/v1/spaces/:space/webhooks/:id/test",               testWebhook,       holder("webhooks:write"),        "write",  never),
  route("POST",   "/v1/spaces/:space/webhooks/:id/rotate-secret",      rotateWebhookSecret,holder("webhooks:write"),        "write",  never),
  route("GET",    "/v1/spaces/:space/webhooks/:id/deliveries",         listDeliveries,    holder("webhooks:write"),        "read",   never),
  route("POST",   "/v1/spaces/:space/webhooks/:id/replay",             replayWebhook,     holder("webhooks:write"),        "write",  never),
  route("GET",    "/v1/spaces/:space/webhooks/:id/replays",            listReplays,       holder("webhooks:write"),        "read",   never),
  route("GET",    "/v1/spaces/:space/webhooks/:id/replays/:replay",    getReplay,         holder("webhooks:write"),        "read",   never),
  route("POST",   "/v1/spaces/:space/webhooks/:id/replays/:replay/cancel",cancelReplay,      holder("webhooks:write"),        "write",  never),

  route("POST",   "/v1/spaces/:space/imports",                         startImport,       holder("transfer:write"),        "bulk",   never),
  route("GET",    "/v1/spaces/:space/imports",                         importJobs.list,   holder("transfer:write"),        "read",   never),
  route("GET",    "/v1/spaces/:space/imports/:job",                    importJobs.get,    holder("transfer:write"),        "read",   never),
  route("GET",    "/v1/spaces/:space/imports/:job/errors",             listImportErrors,  holder("transfer:write"),        "read",   never),
  route("POST",   "/v1/spaces/:space/imports/:job/cancel",             importJobs.cancel, holder("transfer:write"),        "write",  never),

  route("POST",   "/v1/spaces/:space/generations",                     askGeneration,     holder("content:write"),         "generate",never),
  route("GET",    "/v1/spaces/:space/generations",                     generations.list,  holder("content:write"),         "read",   never),
  route("GET",    "/v1/spaces/:space/generations/:job",                generations.get,   holder("content:write"),         "read",   never),
  route("POST",   "/v1/spaces/:space/generations/:job/cancel",         generations.cancel,holder("content:write"),         "write",  never),

  route("GET",    "/v1/dead-letters",                                  listDeadLetters,   root,                            "none",   never),
  route("POST",   "/v1/dead-letters/:id/redrive",                      redriveDeadLetter, root,                            "none",   never),
  route("DELETE", "/v1/dead-letters/:id",                              deleteDeadLetter,  root,                            "none",   never),

  route("GET",    "/health",                                           getHealth,         anyone,                          "none",   never),
  route("GET",    "/health/live",                                      getHealthLive,     anyone,                          "none",   never),
  route("GET",    "/health/ready",                                     getHealthReady,    anyone,                          "none",   never),
  route("GET",    "/metrics",                                          getMetrics,        anyone,                          "none",   never),
  route("GET",    "/openapi.json",                                     getOpenapi,        anyone,                          "none",   never),
  route("GET",    "/docs",                                             getDocs,           anyone,                          "none",   never),
  route("GET",    "/docs/assets/:file",                                getDocsAsset,      anyone,                          "none",   never),
  route("GET",    "/problems/:code",                                   getProblem,        anyone,                          "none",   never),
];
