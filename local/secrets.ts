// The local system's own keys: made at random at first start and kept in the data directory, so nothing secret is in the repository.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Secrets = { readonly rootKey: string; readonly secret: string; readonly redisToken: string };

export function loadSecrets(dataDir: string): Secrets {
  const file = join(dataDir, "secrets.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Secrets;
  const secrets: Secrets = {
    // Known to everybody: the stack listens on the loopback interface only, and deployments refuse a key as short as this.
    rootKey: "mrd_root_local",
    secret: randomBytes(32).toString("base64url"),
    redisToken: randomBytes(24).toString("base64url"),
  };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
