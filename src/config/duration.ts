const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

const duration = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|min|s|m|h))+)$/;
const term = /([\d.]+)([a-zµμ]+)/g;

/** What Go's 64 bits of nanoseconds hold, about 292 years. */
const maxDurationMs = 2 ** 63 / 1e6;

/**
 * A duration as Go writes it (`15m`, `1h30m`, `1.5s`), and `15min`, in whole milliseconds; undefined when the text is none.
 * Follows https://pkg.go.dev/time#ParseDuration.
 */
export function parseDuration(text: string): number | undefined {
  if (!duration.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(term)) totalMs += Number(amount) * (unitsMs[unit ?? ''] ?? Number.NaN);
  if (!(totalMs < maxDurationMs)) return undefined;
  return Math.round(text.startsWith('-') && totalMs > 0 ? -totalMs : totalMs);
}

/** The shortest text from which `parseDuration` reads the same whole milliseconds: `15m`, `1h30m`, `1.5s`. */
export function formatDuration(durationMs: number): string {
  const sign = durationMs < 0 ? '-' : '';
  const size = Math.abs(durationMs);
  if (size < 1_000) return size === 0 ? '0s' : `${sign}${size}ms`;
  const parts = [
    [Math.floor(size / 3_600_000), 'h'],
    [Math.floor(size / 60_000) % 60, 'm'],
    [(size % 60_000) / 1_000, 's'],
  ] as const;
  return sign + parts.map(([amount, unit]) => (amount === 0 ? '' : `${amount}${unit}`)).join('');
}
