// The platform's `ratelimits` bindings: counted per location, in the machine that answers, and never exactly.
import type { Wall, Walls } from "../../platform/admission/wall.ts";
import type { Guard } from "../../platform/resilience/guard.ts";

/** The part of the binding that production knows; the emulator takes more. */
export interface RateLimitBinding {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

export interface WallBindings {
  readonly WALL: RateLimitBinding;
  readonly WRITE_WALL: RateLimitBinding;
  readonly AUTH_WALL: RateLimitBinding;
}

export function rateLimitWalls({ WALL, WRITE_WALL, AUTH_WALL }: WallBindings, guard: Guard): Walls {
  return { address: wallOf(WALL, guard), write: wallOf(WRITE_WALL, guard), auth: wallOf(AUTH_WALL, guard) };
}

function wallOf(binding: RateLimitBinding, guard: Guard): Wall {
  return {
    async admits(key) {
      const outcome = await guard.attempt(
        () => binding.limit({ key }),
        () => true,
      );
      return outcome?.success ?? true;
    },
  };
}
