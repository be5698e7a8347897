import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compareOnce, type LoadedServer } from './compare-admissions.ts';
import { medianOf } from './interleave.ts';

/**
 * Prints, for each build of the service, how many reviews it answers a second beside bare Fastify: the median of several processes, and
 * each of them, as the same program gives more in one process than in the next.
 */
const WINDOW_MS = 300;
const PAIRS = 12;

const { values, positionals: builds } = parseArgs({
  allowPositionals: true,
  options: { processes: { type: 'string', default: '4' } },
});
const ratios = new Map<string, number[]>();
for (let round = 0; round < Number(values.processes); round++) {
  for (const build of round % 2 === 0 ? builds : builds.toReversed()) {
    for (const { kind, subject, reference } of await compareOnce(PAIRS, answersPerSecond, resolve(build))) {
      const name = `${build}, ${kind}`;
      ratios.set(name, [...(ratios.get(name) ?? []), medianOf(subject) / medianOf(reference)]);
    }
  }
}
for (const [name, of] of ratios) {
  process.stdout.write(`${medianOf(of).toFixed(3)}  ${name} (${of.map((ratio) => ratio.toFixed(2)).join(', ')})\n`);
}

async function answersPerSecond({ load, request }: LoadedServer): Promise<number> {
  return (await load.run(request, WINDOW_MS)).answersPerSecond;
}
