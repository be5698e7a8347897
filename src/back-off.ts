export interface BackOffLimits {
  /** The ceiling of the first wait. */
  baseMs: number;
  /** The ceiling of every later one. */
  capMs: number;
}

/**
 * Full jitter: a wait between nothing and a ceiling that doubles with each failure, so that many who failed together
 * do not come back together. Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param failures in a row, 1 or more.
 */
export function backOffMs(failures: number, limits: BackOffLimits, random: () => number = Math.random): number {
  const ceiling = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.ceil(random() * ceiling);
}
