// Receivers of the fault run: well, flaky, silent, gone. In the end all of them are well, so that everything can be told.
import type { Random } from "../../bench/numbers/chance.ts";
import type { ImportCounts, Recorder } from "../support/invariants/recording.ts";
import { openReceiver } from "../support/receiver.ts";

export interface Receivers {
  /** `manner` is part of the path. */
  url(space: string, manner: Manner): string;
  /** Messages to this path are recorded for that webhook. */
  knows(path: string, space: string, webhook: string): void;
  pathOf(space: string, manner: Manner): string;
  /** From now on everybody answers 200. */
  heal(): void;
  close(): Promise<void>;
}

export type Manner = "well" | "flaky" | "silent" | "gone";
export const MANNERS: readonly Manner[] = ["well", "flaky", "silent", "gone"];
const SILENCE_MS = 25_000;

export async function openReceivers(recorder: Recorder, random: Random): Promise<Receivers> {
  const receiver = await openReceiver();
  const hooks = new Map<string, { readonly space: string; readonly webhook: string }>();
  const held = new Set<() => void>();
  let isWell = false;
  const pathOf = (space: string, manner: Manner): string => `/${space}/${manner}`;

  receiver.otherwise(async (request, response, { path, headers, body, text }) => {
    const known = hooks.get(path);
    if (known !== undefined) {
      const entry = body.data.entry as { readonly id: string; readonly version: number } | undefined;
      const done = body.data.import as ({ readonly id: string } & ImportCounts) | undefined;
      const other = done === undefined ? `other:${body.data.type?.id}` : `import:${done.id}`;
      const lane = entry === undefined ? other : `entry:${entry.id}`;
      recorder.receive(
        {
          ...known,
          message: headers["webhook-id"] ?? "",
          event: body.type,
          position: body.position,
          lane,
          version: entry?.version,
          replayed: body.replayed === true,
          ...(done === undefined ? {} : { counts: done }),
        },
        text,
      );
    }
    const manner = path.split("/")[2] as Manner;
    const drawn = random();
    if (isWell || manner === "well" || known === undefined) response.writeHead(200).end();
    else if (manner === "gone") response.writeHead(410).end();
    else if (manner === "silent") {
      await new Promise<void>((resolve) => {
        const release = (): void => resolve();
        held.add(release);
        setTimeout(release, SILENCE_MS).unref();
      });
      response.destroy();
    } else if (drawn < 0.6) response.writeHead(200).end();
    else if (drawn < 0.7) response.writeHead(500).end("no");
    else if (drawn < 0.8) response.writeHead(503, { "Retry-After": "1" }).end();
    else if (drawn < 0.9) request.socket.destroy();
    else response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
  });

  return {
    url: (space, manner) => receiver.url(pathOf(space, manner)),
    pathOf,
    knows: (path, space, webhook) => void hooks.set(path, { space, webhook }),
    heal() {
      isWell = true;
      for (const release of held) release();
    },
    close: () => receiver.close(),
  };
}
