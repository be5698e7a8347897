import { parseDuration } from '../config/duration.ts';

/** Kept back for the answer's way: a tenth of what is granted, between these. */
const MIN_MARGIN_MS = 100;
const MAX_MARGIN_MS = 1_000;

/**
 * How long an answer may take, in milliseconds.
 * @param granted the request's `timeout` parameter, for example `10s`. @param timeoutSeconds where that is missing.
 */
export function answerWithinMs(granted: string | undefined, timeoutSeconds: number): number {
  const grantedMs = (granted === undefined ? undefined : parseDuration(granted)) ?? timeoutSeconds * 1000;
  const marginMs = Math.min(Math.max(grantedMs / 10, MIN_MARGIN_MS), MAX_MARGIN_MS);
  return Math.max(grantedMs - marginMs, 0);
}
