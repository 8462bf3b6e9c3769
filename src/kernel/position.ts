// A space's one number: gapless within an epoch, in commit order. See docs/guides or http-api "Positions".

export type Position = number & { readonly __unit: "position" };

export const position = (n: number): Position => n as Position;

/** The position before the first event. */
export const ORIGIN: Position = 0 as Position;
