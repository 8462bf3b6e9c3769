// A processor profile of a Worker on bare workerd, over the inspector's protocol.

interface Node {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** What the inspector calls a profile: samples point at nodes, with the time since the sample before, in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly (Node & { readonly children?: readonly number[] })[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SAMPLE_EVERY_US = 200;

/** `port`: of workerd's `--inspector-addr`. */
export async function takeProfile(port: number, work: () => Promise<void>): Promise<CpuProfile> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/main`);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error("The inspector does not answer")), { once: true });
  });
  let last = 0;
  const call = (method: string, params = {}): Promise<unknown> => {
    last += 1;
    const id = last;
    return new Promise((resolve, reject) => {
      const hear = ({ data }: MessageEvent): void => {
        const told = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
        if (told.id !== id) return;
        socket.removeEventListener("message", hear);
        if (told.error) reject(new Error(`${method}: ${told.error.message}`));
        else resolve(told.result);
      };
      socket.addEventListener("message", hear);
      socket.send(JSON.stringify({ id, method, params }));
    });
  };
  try {
    await call("Profiler.enable");
    await call("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
    await call("Profiler.start");
    await work();
    const { profile } = (await call("Profiler.stop")) as { profile: CpuProfile };
    return profile;
  } finally {
    socket.close();
  }
}
