// A content system of somebody else, as these measurements see it.

export interface Database {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly name: string;
}

export interface Started {
  readonly port: number;
  /** List of 20 with authors and tags. */
  readonly list: string;
  /** One entry each, by number: all different. */
  readonly one: (n: number) => string;
  /** What its name does not say: version, cache. */
  readonly about: string;
  /** Articles a second while it was filled, in the way that it offers. */
  readonly filled: number;
  stop(): Promise<void>;
}

export interface Peer {
  /** Of its database, too. */
  readonly name: string;
  /** Below the directory that the user names; default: its name. One folder is installed once. */
  readonly folder?: string;
  /** Below the directory that the user names. Downloads from the npm registry, runs no install scripts. */
  install(directory: string): Promise<void>;
  /** Starts it on an empty database and fills it with `articles` articles. */
  start(directory: string, database: Database, articles: number): Promise<Started>;
}
