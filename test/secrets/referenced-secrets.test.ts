import { beforeEach, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ReferencedSecrets } from '../../src/secrets/referenced-secrets.ts';
import { refAt, secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let changes: string[];
let secrets: ReferencedSecrets;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  changes = [];
  secrets = new ReferencedSecrets({ client: api, clock, namespace: 'acr', onWatchRestart: () => undefined });
  secrets.onChange((name) => changes.push(name));
});

const put = (name: string, value: string) =>
  api.put<Secret>(resources.secrets, secretAt(`acr/${name}`, { data: { key: btoa(value) } }));
const valueOf = (name: string) => atob(secrets.get(name)?.data?.key ?? '');

async function follow(...names: string[]): Promise<void> {
  secrets.follow(names);
  await clock.pass(0);
}

async function run(): Promise<void> {
  void secrets.run(stop.signal);
  await clock.pass(0);
}

describe('the Secrets that the configuration refers to', () => {
  it('are known from when it names them, and followed', async () => {
    await run();
    put('hub', 'one');
    await follow('hub', 'absent');
    expect(valueOf('hub')).toBe('one');
    expect(secrets.get('absent')).toBeUndefined();
    expect([secrets.isSettled('hub'), secrets.isSettled('absent')]).toEqual([true, true]);
    put('hub', 'two');
    put('absent', 'there');
    await clock.pass(0);
    expect([valueOf('hub'), valueOf('absent')]).toEqual(['two', 'there']);
    api.remove(resources.secrets, refAt('acr/hub'));
    await clock.pass(0);
    expect(secrets.get('hub')).toBeUndefined();
  });

  it('may be named before anything runs', async () => {
    put('hub', 'one');
    await follow('hub');
    expect(secrets.isSettled('hub')).toBe(false);
    await run();
    expect(valueOf('hub')).toBe('one');
  });

  it('are told of when they change, and when it is known that there is none', async () => {
    await run();
    put('hub', 'one');
    await follow('hub', 'absent');
    expect(new Set(changes)).toEqual(new Set(['hub', 'absent']));
    changes = [];
    put('hub', 'two');
    await clock.pass(0);
    expect(changes).toEqual(['hub']);
  });

  it('are forgotten, and watched no more, when the configuration names them no longer', async () => {
    await run();
    put('hub', 'one');
    await follow('hub', 'other');
    await follow('other');
    changes = [];
    put('hub', 'two');
    await clock.pass(0);
    expect(secrets.get('hub')).toBeUndefined();
    expect(secrets.isSettled('hub')).toBe(false);
    expect(changes).toEqual([]);
  });

  it('are watched by name, in the own namespace', async () => {
    await run();
    put('unnamed', 'x');
    await follow('hub');
    const scopes = api.calls.map(({ options }) => options as { namespace?: string; fieldSelector?: string });
    expect(new Set(scopes.map(({ namespace, fieldSelector }) => `${namespace} ${fieldSelector}`))).toEqual(
      new Set(['acr metadata.name=hub']),
    );
    expect(secrets.get('unnamed')).toBeUndefined();
  });

  it('count as missing as long as they may not be read', async () => {
    await run();
    let isAllowed = false;
    api.intercept = () => {
      if (!isAllowed) throw refusal(403, 'Forbidden');
    };
    put('hub', 'one');
    await follow('hub');
    expect(secrets.isSettled('hub')).toBe(true);
    expect(secrets.get('hub')).toBeUndefined();
    expect(changes).toEqual(['hub']);
    isAllowed = true;
    await clock.pass(60_000);
    expect(valueOf('hub')).toBe('one');
  });

  it('are not known while the API server is away', async () => {
    await run();
    api.intercept = () => {
      throw refusal(500, 'InternalError');
    };
    await follow('hub');
    await clock.pass(60_000);
    expect(secrets.isSettled('hub')).toBe(false);
  });

  it('end with the signal', async () => {
    const running = secrets.run(stop.signal);
    await follow('hub');
    stop.abort();
    await running;
  });
});
