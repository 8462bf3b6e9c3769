// The queues of jobs as those see them: messages that wake. What is not sent, the sweep sends.
import type { JobWaker } from "../../platform/jobs/job-waker.ts";
import type { Report } from "../../platform/relay/relay.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import type { QueueBinding } from "./bell-queue.ts";

export function queueJobWaker(queueOf: (kind: string) => QueueBinding, guard: Guard, report: Report): JobWaker {
  return {
    async jobs({ uid, epoch, residency }, wakes) {
      for (const { kind, id, delay = 0 } of wakes) {
        const body = { uid, epoch, residency, kind, job: id };
        try {
          await guard.run(() => queueOf(kind).send(body, { contentType: "json", delaySeconds: delay }));
        } catch (error) {
          report("not-woken", { space: uid, job: id, why: error instanceof Error ? error.name : typeof error });
        }
      }
    },
  };
}
