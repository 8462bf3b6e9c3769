// Opens an HTTP server on loopback and can close it at once, whatever connections are still open.
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

export type Listening = { readonly port: number; stop(): Promise<void> };

export async function listen(server: Server, port = 0): Promise<Listening> {
  // workerd keeps connections open; closing one while it is being used again looks like an outage.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
