// What writes: the relay around a commit, and the writers that requests and jobs are given.
import { webSealer } from "../adapters/webcrypto/sealer.ts";
import type { Config } from "../config.ts";
import { type Announcer, openWriter, type WriterBinding } from "../platform/event-log/open-writer.ts";
import { eventSource } from "../platform/relay/event-source.ts";
import { type Marked, openRelay } from "../platform/relay/relay.ts";
import type { Meter } from "../platform/telemetry/meter.ts";
import type { Rented } from "./rented.ts";

type Defer = (work: Promise<unknown>) => void;

export function openWriting(rented: Rented, config: Config) {
  const { shards, digest, dirty, bells, freshness, clock, random, report, client, database, uuid } = rented;
  const relayParts = { digest, events: eventSource(shards), dirty, bells, freshness, clock, random, report };
  const relay = openRelay(relayParts);
  const sealer = webSealer(config.secret);
  const writerParts = { client, sealer, primaryOf: database.primaryOf, guardOf: shards.guardOf, uuid };

  const announcer = (defer: Defer, marked?: Marked): Announcer => ({
    async beforeCommit(space) {
      const { seen } = await relay.beforeCommit(space, marked);
      const head = freshness.memo(space).view?.head;
      // The commit returns what is missing from either: from the digest, and from what this isolate knows of it.
      return { seen: seen !== undefined && head !== undefined && head < seen ? head : seen };
    },
    afterUnknown: (space) => defer(relay.afterUnknown(space)),
    async afterCommit(space, commit) {
      relay.hear(space, commit);
      defer(relay.afterCommit(space, commit));
    },
  });

  return {
    relay,
    relayParts,
    sealer,
    announcer,
    /** `marked`: the space was marked with the request's charge. */
    writerFor: (
      defer: Defer,
      binding: WriterBinding,
      own: { readonly meter?: Meter; readonly marked?: Marked | undefined } = {},
    ) =>
      openWriter(
        {
          ...writerParts,
          ...(own.meter === undefined ? {} : { meter: own.meter }),
          announcer: announcer(defer, own.marked),
        },
        binding,
      ),
  };
}
