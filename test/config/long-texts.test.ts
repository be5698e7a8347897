import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';

const keys = [
  'acr-registry-info',
  'watch-namespace',
  'service-account',
  'expiring-threshold',
  'acr-api-version',
  'webhook-configuration',
  'acr-registry',
  'rrsa',
  'notify-email',
  'exclude-namespace',
  'extra-auths',
];

/** What is said again and again. */
const units = [
  ...[' ', '\t', '-', '- ', '[', ']', '{', '}', '"', "'", '#', ' #', '\u2028', '&', '*', ',', ':', ': ', ';', '\n'],
  ...['\r', '\u00a0', 'a', 'A', '1', '.', '@', '/', '|', '>', '!', '%', '?', '\\', '&a ', '*a ', '"a",', "'',", 'A,'],
  ...['[],', '{},', '- - ', '- a\n', '-\n', 'a:\n', 'a: b\n', '? ', 'a.', 'a-', '1.', '1m', '- a:\n', '\n ', ', ,'],
];

/** Beginnings and ends that lead the rules for slips into the middle of a run. */
const frames: [string, string][] = [
  ['', ''],
  ['- a: ', '\u2028x'],
  ['a: "b",c', '@ x: y'],
  ['a: "b"', 'x'],
  ['- instanceId', ': x'],
  ['- domains: [', ']'],
  ['- ["a', '", -'],
  ['\n'.repeat(3) + ' '.repeat(2000) + '- a: 1\n', 'x'],
];

/** CPU time of this process, which does not grow with what else the machine does. */
function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function textOf(unit: string, length: number, [head, tail]: [string, string]): string {
  const inner = length - head.length - tail.length;
  return head + unit.repeat(Math.ceil(inner / unit.length)).slice(0, inner) + tail;
}

const longest = 131_072;

/** Of two goes the shorter, as collecting garbage is nobody's fault. */
function cpuMsFor(key: string, text: string): number {
  const goes = [1, 2].map(() => cpuMsOf(() => parseConfig({ [key]: text })));
  return Math.min(...goes);
}

test.each(keys)('no run of anything in %s takes longer than its length warrants', { timeout: 300_000 }, (key) => {
  const slow: string[] = [];
  for (const frame of key === 'acr-registry-info' ? frames : frames.slice(0, 3)) {
    for (const unit of units) {
      const quarter = cpuMsOf(() => parseConfig({ [key]: textOf(unit, longest / 4, frame) }));
      // What is quadratic takes sixteen times as long for four times the text: what is this quick stays quick.
      if (quarter < 20) continue;
      const [short, long] = [longest / 4, longest].map((length) => cpuMsFor(key, textOf(unit, length, frame)));
      const isSlow = long! > 2_000 || (long! > 400 && long! > 9 * short!);
      if (isSlow)
        slow.push(`${JSON.stringify(unit)} behind ${JSON.stringify(frame[0].slice(-20))}: ${short} ms, ${long} ms`);
    }
  }
  expect(slow).toEqual([]);
});
