import { describe, expect, it } from 'vitest';
import { parseSource, readSources, type SourceFile } from './import-graph.ts';
import { arrows, cyclesIn, owners, pureFiles, violations } from './import-rules.ts';

const sources = readSources(new URL('../../src/', import.meta.url));

/** The source with one file in place of its own, or one more. */
const sourcesWith = (...files: SourceFile[]) => [
  ...sources.filter(({ path }) => !files.some((file) => file.path === path)),
  ...files,
];

describe('the source', () => {
  it('imports as its folders and packages allow, and what is pure stays pure', () => {
    expect(violations(sources)).toEqual([]);
  });

  it('has no file that loads itself in a circle', () => {
    const values = sources.flatMap(({ imports }) => imports).filter(({ isTypeOnly }) => !isTypeOnly);
    expect(cyclesIn(values)).toEqual([]);
  });

  it('has no folder that the rules forget, and no rule about what is not there', () => {
    const folders = sources.filter(({ path }) => path.includes('/')).map(({ path }) => path.split('/')[0]);
    expect(Object.keys(arrows).sort()).toEqual([...new Set(folders)].sort());
    const imported = new Set(sources.flatMap(({ imports }) => imports.map(({ to }) => to)));
    expect(Object.keys(owners).filter((name) => !imported.has(name))).toEqual([]);
  });

  it('uses every arrow', () => {
    const used = new Set(
      sources.flatMap(({ imports }) => imports.map(({ from, to }) => `${from.split('/')[0]} → ${to.split('/')[0]}`)),
    );
    const allowed = Object.entries(arrows).flatMap(([from, folders]) => folders.map((to) => `${from} → ${to}`));
    expect(allowed.filter((arrow) => !used.has(arrow))).toEqual([]);
  });
});

describe('the rules', () => {
  it('lead one way', () => {
    const edges = Object.entries(arrows).flatMap(([from, folders]) => folders.map((to) => ({ from, to })));
    expect(cyclesIn(edges)).toEqual([]);
  });

  it.each([
    [
      'a package at the wrong place',
      'kube/reflector.ts',
      "import '@kubernetes/client-node';",
      'may not import the package',
    ],
    [
      'a type of such a package',
      'secrets/x.ts',
      "import type { V1Secret } from '@kubernetes/client-node';",
      'the package',
    ],
    ['a package that nobody may import', 'kube/x.ts', "import lodash from 'lodash';", 'the package lodash'],
    ['the OpenAPI outside its folder', 'credentials/x.ts', "export * from '@alicloud/openapi-core';", 'the package'],
    ['a folder that uses this one', 'targets/x.ts', "import '../secrets/pull-secret.ts';", 'may not import secrets/'],
    [
      'a type of such a folder',
      'kube/x.ts',
      "import type { Config } from '../config/config.ts';",
      'may not import config/',
    ],
    ['what wires it together', 'secrets/x.ts', "import type { App } from '../app/app.ts';", 'may not import app/'],
    ['where it all begins', 'secrets/x.ts', "import '../main.ts';", 'may not import main.ts'],
    ['a folder from a foundation', 'clock.ts', "import './kube/resources.ts';", 'clock.ts may not import kube/'],
    [
      'a later import',
      'targets/x.ts',
      "const load = () => import('../secrets/pull-secret.ts');",
      'may not import secrets/',
    ],
  ])('refuse %s', (_, path, text, problem) => {
    const found = violations(sourcesWith(parseSource(path, text)));
    expect(found.join('\n')).toContain(problem);
  });

  const pure = 'credentials/refresh-policy.ts';

  it.each([
    ['files', "import { readFileSync } from 'node:fs';", 'loads node:fs'],
    ['the network', "import { request } from 'undici';", 'loads undici'],
    ['the clock', "import { systemClock } from '../clock.ts';", 'uses Date.now through clock.ts'],
    ['the clock beside a type', "import { type Clock } from '../clock.ts';", 'through clock.ts'],
    ['timers', "import { setTimeout as sleep } from 'node:timers/promises';", 'loads node:timers/promises'],
    ['a log', "import { createLogger } from '../telemetry/logger.ts';", 'loads pino'],
    ['something that does such a thing', "import { Reflector } from '../kube/reflector.ts';", 'through clock.ts'],
    ['the time', 'export const age = () => Date.now();', 'uses Date.now'],
    ['chance', 'export const chance = () => Math.random();', 'uses Math.random'],
    ['the environment', 'export const home = process.env.HOME;', 'uses process'],
  ])('refuse a pure file %s', (_, text, problem) => {
    const found = violations(sourcesWith(parseSource(pure, text)));
    expect(found.filter((line) => line.startsWith(pure)).join('\n')).toContain(problem);
  });

  it.each([
    ['a type', "import type { Clock } from '../clock.ts';"],
    ['another pure file', "import { dockerConfigJson } from './docker-config.ts';"],
    ['a digest', "import { createHash } from 'node:crypto';"],
    ['a moment in time that it is given', 'export const text = (now: number) => new Date(now).toISOString();'],
  ])('allow a pure file %s', (_, text) => {
    expect(violations(sourcesWith(parseSource(pure, text)))).toEqual([]);
  });

  it('notice a pure file that is gone', () => {
    expect(violations(sources.filter(({ path }) => path !== pure))).toContain(`${pure} is not there`);
    expect(pureFiles).toContain(pure);
  });

  it('notice a circle', () => {
    const edges = ['a b', 'b c', 'c b', 'd a'].map((edge) => ({ from: edge[0]!, to: edge[2]! }));
    expect(cyclesIn(edges)).toEqual(['b', 'c']);
  });
});
