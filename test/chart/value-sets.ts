import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { load } from 'js-yaml';

const FOLDER = join(import.meta.dirname, 'values');

/** Values that somebody installs the chart with, by what they are about. */
export const valueSets: Readonly<Record<string, object>> = Object.fromEntries(
  readdirSync(FOLDER).map((file) => [
    basename(file, '.yaml'),
    load(readFileSync(join(FOLDER, file), 'utf8')) as object,
  ]),
);
