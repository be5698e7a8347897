export interface Pair<T> {
  subject: () => Promise<T>;
  reference: () => Promise<T>;
}

/**
 * Measures both in turns, so that a machine that becomes slower does so for both; which of the two goes first alternates, too.
 * What came out is given back apart: each one's median is its own.
 */
export async function interleave<T>(pairs: number, { subject, reference }: Pair<T>) {
  const measured: { subject: T[]; reference: T[] } = { subject: [], reference: [] };
  for (let pair = 0; pair < pairs; pair++) {
    const order = pair % 2 === 0 ? (['subject', 'reference'] as const) : (['reference', 'subject'] as const);
    for (const name of order) measured[name].push(await { subject, reference }[name]());
  }
  return measured;
}

/** @throws RangeError when there are no values. */
export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** The smallest value that at least this share of all do not exceed; between the two middle ones for a median. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = share * sorted.length;
  const [lower, upper] = [sorted[Math.ceil(at) - 1], sorted[Math.floor(at)]];
  if (lower === undefined) throw new RangeError('no values');
  return share === 0.5 && upper !== undefined ? (lower + upper) / 2 : lower;
}
