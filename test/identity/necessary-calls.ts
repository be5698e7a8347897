/**
 * The calls that a day takes at the least when a token is renewed `threshold` minutes before its end, but never before half of
 * its life, and tokens end with their session: each token lives as long as a token can, each session is used until then.
 */
export function necessaryCalls(threshold: number, session: number): { tokens: number; sessions: number } {
  const life = Math.min(60, session);
  const margin = Math.min(threshold, life / 2);
  return { tokens: Math.ceil(1440 / (life - margin)), sessions: Math.ceil(1440 / (session - margin)) };
}
