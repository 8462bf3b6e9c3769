// Time as a dependency: nothing reads the wall clock but through a Clock, so tests can move it.

/** Milliseconds since the Unix epoch. */
export type Instant = number & { readonly __unit: "instant" };
export type Seconds = number & { readonly __unit: "seconds" };
export type Millis = number & { readonly __unit: "millis" };

export interface Clock {
  now(): Instant;
}

export const seconds = (n: number): Seconds => n as Seconds;
export const millis = (n: number): Millis => n as Millis;
export const instant = (n: number): Instant => n as Instant;
