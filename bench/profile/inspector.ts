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

export interface Inspector {
  call(method: string, params?: object): Promise<unknown>;
  close(): void;
}

/** `port`: where it listens. `target`: the Worker, as the one who started it calls it; on bare workerd `main`. */
export async function openInspector(port: number, target = "main"): Promise<Inspector> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${target}`);
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
  return { call, close: () => socket.close() };
}

export async function takeProfile(port: number, work: () => Promise<void>, target?: string): Promise<CpuProfile> {
  const { call, close } = await openInspector(port, target);
  try {
    await call("Profiler.enable");
    await call("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
    await call("Profiler.start");
    await work();
    const { profile } = (await call("Profiler.stop")) as { profile: CpuProfile };
    return profile;
  } finally {
    close();
  }
}
