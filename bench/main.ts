import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMet, type Row } from './row.ts';
import { formatTable, type NamedFigure } from './table.ts';

/**
 * Measures the rows that are named, or all of them, prints one table and writes the figures as JSON.
 * Fails when a target is missed.
 */
const ROWS = join(import.meta.dirname, 'rows');
const RESULTS = join(import.meta.dirname, 'results', 'figures.json');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '9' },
    results: { type: 'string', default: RESULTS },
    list: { type: 'boolean', default: false },
  },
});
const known = (await readdir(ROWS)).map((file) => basename(file, '.ts')).sort();
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) throw new Error(`no such row: ${unknown.join(', ')}; there are ${known.join(', ')}`);
const rows = new Map<string, Row>();
for (const name of positionals.length > 0 ? positionals : known) {
  const { row } = (await import(join(ROWS, `${name}.ts`))) as { row: Row };
  rows.set(name, row);
}
if (values.list) {
  for (const [name, { what }] of rows) process.stdout.write(`${name.padEnd(28)}${what}\n`);
} else {
  process.exitCode = (await measure(rows, Number(values.pairs))) ? 0 : 1;
}

/** @returns whether every target was met. */
async function measure(chosen: ReadonlyMap<string, Row>, pairs: number): Promise<boolean> {
  const figures: NamedFigure[] = [];
  for (const [name, row] of chosen) {
    const startedAt = performance.now();
    process.stderr.write(`${name}: ${row.what} …`);
    figures.push(...(await row.measure({ pairs })).map((figure) => ({ row: name, ...figure })));
    process.stderr.write(` ${Math.round((performance.now() - startedAt) / 1000)} s\n`);
  }
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model ?? '', cores: cpus().length, node: process.version };
  await mkdir(dirname(values.results), { recursive: true });
  await writeFile(values.results, `${JSON.stringify({ machine, pairs, figures }, null, 2)}\n`);
  process.stdout.write(`${formatTable(figures)}\n`);
  return figures.every(isMet);
}
