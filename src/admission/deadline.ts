import { parseDuration } from '../config/duration.ts';

/** What an API server grants a request, and what of it is gone. */
export interface Grant {
  /** The request's `timeout` parameter, for example `10s`. */
  timeout?: string | undefined;
  /** Since the request arrived, in milliseconds: its body may have come slowly. */
  elapsedMs?: number;
}

/** Kept back for the answer's way: a tenth of what is granted, between these. */
const MIN_MARGIN_MS = 100;
const MAX_MARGIN_MS = 1_000;

/**
 * How long an answer may still take, in milliseconds.
 * @param timeoutSeconds what is granted where the request does not say it, or nothing that can be read.
 */
export function answerWithinMs({ timeout, elapsedMs = 0 }: Grant, timeoutSeconds: number): number {
  const grantedMs = (timeout === undefined ? undefined : parseDuration(timeout)) ?? timeoutSeconds * 1000;
  const marginMs = Math.min(Math.max(grantedMs / 10, MIN_MARGIN_MS), MAX_MARGIN_MS);
  return Math.max(grantedMs - marginMs - elapsedMs, 0);
}
