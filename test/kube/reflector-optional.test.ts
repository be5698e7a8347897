import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/kube/objects.ts';
import { Reflector, type Reduced } from '../../src/kube/reflector.ts';
import { resources } from '../../src/kube/resources.ts';
import { refAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

let clock: ManualClock;
let api: MemoryApi;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  api.put<ConfigMap>(resources.configMaps, { metadata: refAt('a/one') });
  refuse(403, 'Forbidden');
});

function refuse(code: number, reason: string): void {
  api.intercept = ({ verb }) => {
    if (verb === 'list') throw refusal(code, reason);
  };
}

async function running(isOptional: boolean): Promise<Reflector<ConfigMap, Reduced>> {
  const reflector = new Reflector<ConfigMap, Reduced>({
    client: api,
    resource: resources.configMaps,
    clock,
    isOptional,
    reduce: ({ metadata }) => ({ resourceVersion: metadata.resourceVersion ?? '' }),
  });
  void reflector.run(new AbortController().signal);
  await clock.pass(0);
  return reflector;
}

const keysOf = (reflector: Reflector<ConfigMap, Reduced>) => [...reflector.entries()].map(([key]) => key);

describe('what may not be read', () => {
  it('is waited for', async () => {
    const reflector = await running(false);
    await clock.pass(60_000);
    expect(reflector.hasSynced).toBe(false);
  });

  it('counts as nothing where it is optional, until it may be read', async () => {
    const reflector = await running(true);
    await reflector.synced;
    expect([reflector.hasSynced, keysOf(reflector)]).toEqual([true, []]);
    api.intercept = () => undefined;
    await clock.pass(10_000);
    expect(keysOf(reflector)).toEqual(['a/one']);
    // Still the first list, for which the server's cache will do.
    const lists = api.calls.filter(({ verb }) => verb === 'list');
    expect(lists.at(-1)?.options).toMatchObject({ resourceVersion: '0' });
  });

  it('is waited for, optional or not, while the API server fails', async () => {
    refuse(500, 'InternalError');
    const reflector = await running(true);
    await clock.pass(60_000);
    expect(reflector.hasSynced).toBe(false);
  });
});
