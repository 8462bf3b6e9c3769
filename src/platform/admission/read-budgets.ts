// The approximate budget: counted in this isolate, told to Redis behind the answers, and never waited for. It may pass the quota by what
// everybody spends in about a second.
import { LRUCache } from "lru-cache";
import type { Clock } from "../../kernel/clock.ts";
import type { SpaceLife } from "../freshness/digest.ts";
import { type Account, ReadAccount } from "./account.ts";
import type { BudgetLimit } from "./plans.ts";
import type { Spending, SpendingReport } from "./spending.ts";

export interface ReadBudgets extends Spending {
  /** Synchronous. To be asked for each request: an account that was forgotten is not reported any more. */
  account(space: SpaceLife, credential: string, limit: BudgetLimit): Account;
}

/** The credential of everybody who has none. Key ids are never this short. */
export const ANONYMOUS = "anonymous";

/** About 300 bytes each. Credentials are counted only when they are good, so nobody can fill it with inventions. */
const MOST_ACCOUNTS = 10_000;
const NOTHING: readonly SpendingReport[] = [];

interface Kept {
  readonly space: string;
  readonly credential: string;
  readonly account: ReadAccount;
}

export function openReadBudgets(clock: Clock, most = MOST_ACCOUNTS): ReadBudgets {
  const bySpace = new Map<string, Map<string, ReadAccount>>();
  const accounts = new LRUCache<string, Kept>({
    max: most,
    dispose({ space, credential }) {
      const siblings = bySpace.get(space);
      siblings?.delete(credential);
      if (siblings?.size === 0) bySpace.delete(space);
    },
  });

  function openAccount(space: string, credential: string, limit: BudgetLimit): ReadAccount {
    const account = new ReadAccount(`spent:${space}:read:${credential}`, limit);
    // First the cache: making room may take the space's last account away, and with it the space.
    accounts.set(`${space}/${credential}`, { space, credential, account });
    const siblings = bySpace.get(space) ?? new Map<string, ReadAccount>();
    bySpace.set(space, siblings.set(credential, account));
    return account;
  }

  function each(
    space: SpaceLife,
    reports: readonly SpendingReport[],
    tell: (account: ReadAccount, report: SpendingReport, at: number) => void,
  ): void {
    const siblings = bySpace.get(nameOf(space));
    reports.forEach((report, at) => {
      const account = siblings?.get(report.counter.split(":")[3] ?? "");
      if (account !== undefined) tell(account, report, at);
    });
  }

  return {
    account(space, credential, limit) {
      const name = nameOf(space);
      const account = accounts.get(`${name}/${credential}`)?.account ?? openAccount(name, credential, limit);
      account.limit(limit);
      return account;
    },
    take(space) {
      const siblings = bySpace.get(nameOf(space));
      if (siblings === undefined) return NOTHING;
      const now = clock.now();
      return [...siblings.values()].flatMap((account) => account.take(now) ?? []);
    },
    heard(space, reports, totals) {
      const now = clock.now();
      each(space, reports, (account, report, at) => account.heard(report, totals[at] ?? 0, now));
    },
    lost(space, reports) {
      each(space, reports, (account, report) => account.lost(report));
    },
  };
}

function nameOf({ uid, epoch }: SpaceLife): string {
  return `${uid}.${epoch}`;
}
