/** A loop guard that never makes anybody wait. */
export const openGuard = { waitMs: () => 0, wrote: () => undefined, forget: () => undefined };
