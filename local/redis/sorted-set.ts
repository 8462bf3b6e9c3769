// A sorted set: members by score, then by bytes, found by member in one step and by rank or score in log n.

export type Ranked = { readonly member: string; readonly score: number };
export type SortedSet = { readonly scores: Map<string, number>; readonly order: Ranked[] };
export type Bound = { readonly score: number; readonly exclusive: boolean };

export const createSortedSet = (): SortedSet => ({ scores: new Map(), order: [] });

/** The first place whose entry is not before (score, member). */
function placeOf(order: readonly Ranked[], score: number, member: string): number {
  return firstWhere(order, (one) => one.score > score || (one.score === score && one.member >= member));
}

/** The first place from which `test` holds; it must hold for every later entry too. */
export function firstWhere(order: readonly Ranked[], test: (one: Ranked) => boolean): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const one = order[middle];
    if (one !== undefined && test(one)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function setScore(set: SortedSet, member: string, score: number): void {
  const before = set.scores.get(member);
  if (before === score) return;
  if (before !== undefined) set.order.splice(placeOf(set.order, before, member), 1);
  set.order.splice(placeOf(set.order, score, member), 0, { member, score });
  set.scores.set(member, score);
}

export function removeMember(set: SortedSet, member: string): boolean {
  const score = set.scores.get(member);
  if (score === undefined) return false;
  set.order.splice(placeOf(set.order, score, member), 1);
  return set.scores.delete(member);
}

export function rankOf(set: SortedSet, member: string): number | undefined {
  const score = set.scores.get(member);
  return score === undefined ? undefined : placeOf(set.order, score, member);
}

/** The half-open range of places whose scores lie between the bounds. */
export function rangeByScore(set: SortedSet, min: Bound, max: Bound): readonly [from: number, to: number] {
  const from = firstWhere(set.order, ({ score }) => (min.exclusive ? score > min.score : score >= min.score));
  const to = firstWhere(set.order, ({ score }) => (max.exclusive ? score >= max.score : score > max.score));
  return [from, Math.max(from, to)];
}
