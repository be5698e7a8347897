import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What noise cannot reach, and a change that costs something does. */
const HEADROOM = 1.5;
const FILE = join(import.meta.dirname, 'recorded-ratios.json');

/** The target of a ratio to a reference: at most half as much again as when it was recorded. */
export function nearRecorded(name: string): { atMost: number } {
  const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as Partial<Record<string, number>>;
  const ratio = recorded[name];
  if (ratio === undefined) throw new Error(`${FILE} holds no ratio for "${name}"`);
  return { atMost: HEADROOM * ratio };
}
