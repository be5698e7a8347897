import { beforeEach, describe, expect, it } from 'vitest';
import { ConfigSource, type ConfigReading } from '../../src/config/config-source.ts';
import type { Config } from '../../src/config/config.ts';
import { Pause } from '../../src/config/pause.ts';
import { resources } from '../../src/kube/resources.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const configMap = { namespace: 'kube-system', name: 'acr-configuration' };
const good = (watched: string) => ({ 'acr-registry-info': '- instanceId: cri-a', 'watch-namespace': watched });
const bad = { 'acr-registry-info': '- instanceId: cri-a', 'expiring-threshold': 'soon' };

let clock: ManualClock;
let api: MemoryApi;
let readings: (ConfigReading & { uid: string | undefined })[];
let changes: Config[];
let source: ConfigSource;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  readings = [];
  changes = [];
  source = sourceFor(undefined);
});

function sourceFor(namespaces: string[] | undefined): ConfigSource {
  const made = new ConfigSource({
    client: api,
    clock,
    configMap,
    namespaces,
    pause: new Pause(),
    onReading: (reading, uid) => readings.push({ ...reading, uid }),
    onWatchRestart: () => undefined,
  });
  made.onChange((config) => changes.push(config));
  return made;
}

async function begin(lastGood?: Record<string, string>): Promise<void> {
  void source.run(new AbortController().signal);
  await source.begin(lastGood);
}

async function edit(data: Record<string, string>, labels: Record<string, string> = {}): Promise<void> {
  api.put(resources.configMaps, { metadata: { ...configMap, uid: 'u', labels }, data });
  await clock.pass(0);
}

const kinds = () => readings.map(({ kind }) => kind);
const watched = () => source.current?.watchNamespaces;

describe('the first look', () => {
  it('puts a good configuration into force', async () => {
    await edit(good('a'));
    await begin();
    expect(watched()).toEqual(['a']);
    expect(source.currentData).toEqual(good('a'));
    expect(readings).toMatchObject([{ kind: 'accepted', uid: 'u' }]);
    expect(changes).toHaveLength(1);
  });

  it('does not happen before the ConfigMap could be read', async () => {
    api.intercept = ({ verb }) => {
      if (verb === 'list') throw refusal(500, 'InternalError');
    };
    let hasBegun = false;
    void begin(good('a')).then(() => (hasBegun = true));
    await clock.pass(1_000);
    expect(hasBegun).toBe(false);
    api.intercept = () => undefined;
    await clock.pass(20_000);
    expect(hasBegun).toBe(true);
  });

  it.each([
    ['is bad', bad, 'refused'],
    ['is missing', undefined, 'missing'],
  ])('keeps the last good one where the present one %s', async (_, data, kind) => {
    if (data) await edit(data);
    await begin(good('before'));
    expect(watched()).toEqual(['before']);
    expect(readings).toMatchObject([{ kind, keepsLastGood: true }]);
    expect(changes).toHaveLength(1);
  });

  it('prefers the present one to the last good one', async () => {
    await edit(good('now'));
    await begin(good('before'));
    expect(watched()).toEqual(['now']);
  });

  it('of what is in force already changes nothing', async () => {
    await edit(good('a'));
    await begin(good('a'));
    expect(changes).toHaveLength(1);
    expect(kinds()).toEqual(['accepted']);
  });

  it('finds nothing where there has never been a good one', async () => {
    await edit(bad);
    await begin({ 'acr-registry-info': 'as an older version liked it' });
    expect(source.current).toBeUndefined();
    expect(readings).toMatchObject([{ kind: 'refused', keepsLastGood: false }]);
  });
});

describe('an edit', () => {
  beforeEach(async () => {
    await edit(good('a'));
    await begin();
  });

  it('that is good is in force at once', async () => {
    await edit(good('b'));
    expect(watched()).toEqual(['b']);
    expect(changes.map(({ watchNamespaces }) => watchNamespaces)).toEqual([['a'], ['b']]);
  });

  it('that is bad leaves the last good one in force, and says every problem', async () => {
    await edit({ ...bad, 'watch-namespace': 'NOT A NAME' });
    expect(watched()).toEqual(['a']);
    expect(source.currentData).toEqual(good('a'));
    const [, reading] = readings;
    expect(reading).toMatchObject({ kind: 'refused', keepsLastGood: true, uid: 'u' });
    expect(reading?.kind === 'refused' && reading.problems.map(({ key }) => key)).toEqual([
      'expiring-threshold',
      'watch-namespace',
    ]);
    expect(changes).toHaveLength(1);
  });

  it('that mends a bad one to what is in force disturbs nobody', async () => {
    await edit(bad);
    await edit(good('a'));
    expect(kinds()).toEqual(['accepted', 'refused', 'accepted']);
    expect(changes).toHaveLength(1);
  });

  it('of the labels alone disturbs nobody', async () => {
    await edit(good('a'), { team: 'x' });
    expect(changes).toHaveLength(1);
  });

  it('that deletes the ConfigMap detaches nothing, and the next one counts again', async () => {
    api.remove(resources.configMaps, configMap);
    await clock.pass(0);
    expect(readings.at(-1)).toMatchObject({ kind: 'missing', keepsLastGood: true });
    expect(watched()).toEqual(['a']);
    await edit(good('b'));
    expect(watched()).toEqual(['b']);
  });

  it('of another ConfigMap is none', async () => {
    api.put(resources.configMaps, { metadata: { namespace: 'kube-system', name: 'other' } });
    await clock.pass(0);
    expect(readings).toHaveLength(1);
  });
});

describe('where there are rights in some namespaces alone', () => {
  it('the configuration in force is for those, also the one from before a restart, and says what it leaves out', async () => {
    source = sourceFor(['a', 'b']);
    await edit({ ...bad, 'webhook-configuration': 'enable: true' });
    await begin({ ...good('all'), 'webhook-configuration': 'enable: true' });
    expect([watched(), source.current?.webhook.enabled]).toEqual([['a', 'b'], false]);
    await edit(good('b,c'));
    expect(watched()).toEqual(['b']);
    expect(source.lastReading.warnings).toEqual([expect.stringMatching(/^watch-namespace .*`c`/)]);
    expect(source.currentData).toEqual(good('b,c'));
  });
});
