// What every kind of job can be asked for: one job, the list, and that it ends. A kind gives its names, its path and the schema of its view.
import type * as z from "zod";
import { type Fault, fault } from "../../kernel/fault.ts";
import { ok } from "../../kernel/result.ts";
import { cancelJob, getJob, listJobs } from "../../platform/jobs/ask-job.ts";
import { strongTag } from "../entity-tag.ts";
import { read, write } from "../operation.ts";
import { afterQuery, linkAfter } from "../webhooks/after-query.ts";
import { jobPage } from "./job-schema.ts";

export interface JobsOf<P extends z.ZodObject, One extends z.ZodObject> {
  readonly kind: string;
  readonly tag: string;
  /** As operation ids and sentences name it: `{one: "Import", many: "Imports"}`. */
  readonly named: { readonly one: string; readonly many: string };
  /** Path parameters of the list; of one job these and `job`. */
  readonly params: P;
  readonly one: One;
  readonly schema: z.ZodType;
  readonly listSchema: (page: typeof jobPage) => z.ZodType;
  /** Under the space, for links: `imports`. */
  path(params: z.output<P>): string;
  /** What the jobs are about, where the path says more than their kind. */
  of?(params: z.output<P>): string;
  readonly cancels: string;
}

export function jobOperations<
  P extends z.ZodObject,
  One extends z.ZodObject<{ space: z.ZodString; job: z.ZodString } & z.core.$ZodShape>,
>(jobs: JobsOf<P, One>) {
  const { kind, tag, named, params, one, schema } = jobs;
  const words = named.one.replaceAll(/(?<=.)([A-Z])/g, " $1").toLowerCase();
  const ofOne = (asked: { readonly job: string }): { kind: string; id: string; of?: string } => {
    const of = jobs.of?.(asked as unknown as z.output<P>);
    return { kind, id: asked.job, ...(of === undefined ? {} : { of }) };
  };
  return {
    get: read({
      id: `get${named.one}`,
      tag,
      summary: `Get a job: ${words}`,
      from: "primary",
      params: one,
      answers: [{ status: 200, description: "The job.", schema }],
      faults: ["job-missing"],
      async handle(scope, { params: asked }) {
        return await getJob(scope, ofOne(asked as { job: string }));
      },
    }),
    list: read({
      id: `list${named.many}`,
      tag,
      summary: `List jobs: ${words}`,
      description: "Newest first. Kept for 30 days after they ended.",
      from: "primary",
      params,
      query: afterQuery,
      answers: [{ status: 200, description: "A page of jobs.", schema: jobs.listSchema(jobPage), headers: ["Link"] }],
      faults: ["cursor-invalid"],
      async handle(scope, { params: asked, query }) {
        const of = jobs.of?.(asked);
        const page = await listJobs(scope, { kind, ...query, ...(of === undefined ? {} : { of }) });
        if (!page.ok) return page;
        const { next, ...answer } = page.value;
        return ok({ ...answer, headers: linkAfter(`/v1/spaces/${scope.space.id}/${jobs.path(asked)}`, query, next) });
      },
    }),
    cancel: write({
      id: `cancel${named.one}`,
      tag,
      summary: `Cancel a job: ${words}`,
      description: `${jobs.cancels} A job that has ended stays as it ended.`,
      params: one,
      answers: [{ status: 200, description: "The job.", schema }],
      faults: ["job-missing", "precondition-failed"],
      async handle(scope, { params: asked, conditions: { ifMatch } }) {
        const about = ofOne(asked as { job: string });
        return await cancelJob(scope, { ...about, whyNot: (view) => whyNotMatched(about.id, view, ifMatch) });
      },
    }),
  };
}

/** `If-Match` names a state of the job as it was read. */
async function whyNotMatched(
  id: string,
  view: unknown,
  ifMatch: readonly string[] | "*" | undefined,
): Promise<Fault | undefined> {
  if (ifMatch === undefined || ifMatch === "*") return undefined;
  const etag = await strongTag(JSON.stringify(view));
  const detail = `Cannot cancel job "${id}": its ETag is ${etag}, which If-Match does not name`;
  return ifMatch.includes(etag) ? undefined : fault("outdated", "precondition-failed", detail);
}
