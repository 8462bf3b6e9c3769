// A way to the Worker that can be cut: what a client sees when a network, or a machine, gives up in the middle.
import { connect, createServer, type Socket } from "node:net";
import { stackHere } from "./here.ts";

export interface CuttingProxy {
  readonly url: string;
  /** Ends every connection there is, as a broken network does. */
  cut(): void;
  /** Bytes that a connection passes towards the Worker, and no further; it stays open. Absent: all. */
  holdUploadsAfter(bytes: number | undefined): void;
  /** Ends a connection after so many bytes of answers. Absent: none. */
  cutAnswersAfter(bytes: number | undefined): void;
  /** Bytes of requests that came, held back or not. */
  received(): number;
  stop(): Promise<void>;
}

export async function startCuttingProxy(): Promise<CuttingProxy> {
  const target = new URL(stackHere().origin);
  const sockets = new Set<Socket>();
  let [hold, most, received]: [number | undefined, number | undefined, number] = [undefined, undefined, 0];
  const server = createServer((client) => {
    const worker = connect(Number(target.port), target.hostname);
    const end = (): void => {
      client.destroy();
      worker.destroy();
    };
    let [up, down] = [0, 0];
    for (const socket of [client, worker]) {
      sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on("data", (chunk: Buffer) => {
      received += chunk.length;
      const passed = hold === undefined ? chunk : chunk.subarray(0, Math.max(0, hold - up));
      up += chunk.length;
      if (passed.length > 0) worker.write(passed);
    });
    worker.on("data", (chunk: Buffer) => {
      down += chunk.length;
      if (most === undefined || down <= most) client.write(chunk);
      else client.write(chunk.subarray(0, Math.max(0, chunk.length - (down - most))), end);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    holdUploadsAfter: (bytes) => {
      hold = bytes;
    },
    cutAnswersAfter: (bytes) => {
      most = bytes;
    },
    received: () => received,
    stop: () => {
      cut();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
