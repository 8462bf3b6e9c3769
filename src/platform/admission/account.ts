// What one credential has spent of its read budget in this window, as far as this isolate knows. No I/O: a charge is a few additions.
import { type Instant, instant } from "../../kernel/clock.ts";
import type { BudgetLimit } from "./plans.ts";
import type { SpendingReport } from "./spending.ts";
import { type BudgetState, stateOf, windowOf } from "./window.ts";

export interface Account {
  /** False, and nothing is counted, when what is known to be spent has reached the quota. */
  charge(weight: number, now: Instant): boolean;
  /** What an answer cost beyond what was charged before it: counted also past the quota. */
  spend(weight: number, now: Instant): void;
  /** The quota is close, and there is something to tell: too long to wait for somebody else's request. */
  isUrgent(now: Instant): boolean;
  /** `remaining` counts on others spending as they did last, so that it rather says too little. */
  state(now: Instant): BudgetState;
}

/** Between two reports of one credential, in milliseconds. */
const CALM_GAP = 1_000;
const CLOSE_GAP = 200;
/** The quota is close when the rate of late would reach it within this time. Two rounds of reports fit in. */
const CLOSE = 2_000;
/** How long others are taken to go on as before when nothing is heard. */
const OTHERS = 1_000;
/** Seconds that a counter outlives its window, for what was still on its way. */
const LINGER = 60;

/** Counters of another window length are others: positions in one cannot be compared with the other's. */
export class ReadAccount implements Account {
  readonly #name: string;
  #limit: BudgetLimit;
  #index = -1;
  #endsAt: Instant = instant(0);
  /** What Redis said last, or what this isolate told it; own spending that it has not heard of is in the other two. */
  #known = 0;
  #underWay = 0;
  #untold = 0;
  /** Own part of what Redis said. */
  #told = 0;
  #takenAt = Number.NEGATIVE_INFINITY;
  #heard: { readonly at: Instant; readonly total: number; readonly others: number } | undefined;
  /** Per millisecond; of everybody, and of others. Unknown until two answers of one window could be compared. */
  #rate: number | undefined;
  #othersRate = 0;

  constructor(name: string, limit: BudgetLimit) {
    this.#name = name;
    this.#limit = limit;
  }

  limit(limit: BudgetLimit): void {
    if (limit.window !== this.#limit.window) this.#endsAt = instant(0);
    this.#limit = limit;
  }

  charge(weight: number, now: Instant): boolean {
    this.#turn(now);
    if (this.#spent() >= this.#limit.quota) return false;
    this.#untold += weight;
    return true;
  }

  spend(weight: number, now: Instant): void {
    this.#turn(now);
    this.#untold += weight;
  }

  state(now: Instant): BudgetState {
    this.#turn(now);
    const age = this.#heard === undefined ? 0 : Math.min(OTHERS, now - this.#heard.at);
    const left = this.#limit.quota - this.#spent() - Math.ceil(age * this.#othersRate);
    return stateOf(this.#limit, left, this.#endsAt, now);
  }

  isUrgent(now: Instant): boolean {
    return this.#untold > 0 && now - this.#takenAt >= CLOSE_GAP && this.#isClose();
  }

  take(now: Instant): SpendingReport | undefined {
    this.#turn(now);
    const gap = this.#isClose() ? CLOSE_GAP : CALM_GAP;
    if (this.#untold === 0 || now - this.#takenAt < gap) return undefined;
    const spent = this.#untold;
    this.#takenAt = now;
    this.#underWay += spent;
    this.#untold = 0;
    return { counter: this.#counter(), spent, keep: this.#limit.window + LINGER };
  }

  /** Answers of a window that is over, or that come out of order, change nothing for the worse: a total only rises. */
  heard({ counter, spent }: SpendingReport, total: number, now: Instant): void {
    if (counter !== this.#counter()) return;
    this.#underWay -= spent;
    this.#told += spent;
    const others = Math.max(0, total - this.#told);
    const before = this.#heard;
    if (before !== undefined && now > before.at) {
      this.#rate = Math.max(0, total - before.total) / (now - before.at);
      this.#othersRate = Math.max(0, others - before.others) / (now - before.at);
    }
    this.#heard = { at: now, total, others };
    this.#known = Math.max(this.#known, total);
  }

  lost({ counter, spent }: SpendingReport): void {
    if (counter !== this.#counter()) return;
    this.#underWay -= spent;
    this.#told += spent;
    this.#known += spent;
  }

  #spent(): number {
    return this.#known + this.#underWay + this.#untold;
  }

  #isClose(): boolean {
    return this.#rate === undefined || this.#spent() + this.#rate * CLOSE >= this.#limit.quota;
  }

  #counter(): string {
    return `${this.#name}:${this.#limit.window}:${this.#index}`;
  }

  /** A clock that steps back stays in the window that it was in. What a window's end finds untold belongs to nobody's window any more. */
  #turn(now: Instant): void {
    if (now < this.#endsAt) return;
    const { index, endsAt } = windowOf(now, this.#limit.window);
    this.#index = index;
    this.#endsAt = endsAt;
    this.#known = 0;
    this.#underWay = 0;
    this.#untold = 0;
    this.#told = 0;
    this.#takenAt = Number.NEGATIVE_INFINITY;
    this.#heard = undefined;
    this.#othersRate = 0;
  }
}
