import { beforeEach, describe, expect, it } from 'vitest';
import { ConfigSource, type ConfigReading } from '../../src/config/config-source.ts';
import { Pause } from '../../src/config/pause.ts';
import type { ConfigMap } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';

const configMap = { namespace: 'kube-system', name: 'acr-configuration' };

let clock: ManualClock;
let api: MemoryApi;
let pause: Pause;
let readings: ConfigReading[];
/** What happened, in order. */
let steps: string[];
let source: ConfigSource;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  pause = new Pause();
  readings = [];
  steps = [];
  source = new ConfigSource({
    client: api,
    clock,
    configMap,
    pause,
    onReading: (reading) => readings.push(reading),
    onWatchRestart: () => undefined,
  });
  source.onChange(({ watchNamespaces }) => steps.push(`in force: ${String(watchNamespaces)}`));
  pause.onChange((isOn) => steps.push(isOn ? 'paused' : 'at work'));
});

const put = (data: Record<string, string>, annotations?: Record<string, string>) =>
  api.put<ConfigMap>(resources.configMaps, { metadata: { ...configMap, annotations }, data });
const paused = { 'acr-credential-injector/paused': 'true' };

async function begin(lastGood?: Record<string, string>): Promise<void> {
  void source.run(new AbortController().signal);
  const begun = source.begin(lastGood);
  await clock.pass(0);
  await begun;
}

async function edit(data: Record<string, string>, annotations?: Record<string, string>): Promise<void> {
  put(data, annotations);
  await clock.pass(0);
}

it('says whether everything is paused before the configuration is in force', async () => {
  put({ 'watch-namespace': 'a' }, paused);
  void source.run(new AbortController().signal);
  await clock.pass(0);
  await pause.known;
  expect(steps).toEqual(['paused']);
});

describe('the configuration in force', () => {
  it('follows every good edit, and stays where an edit is bad or the ConfigMap is deleted', async () => {
    put({ 'watch-namespace': 'a' });
    await begin();
    await edit({ 'watch-namespace': 'b' });
    await edit({ 'watch-namespace': 'B_' });
    api.remove(resources.configMaps, configMap);
    await clock.pass(0);
    expect(steps).toEqual(['in force: a', 'in force: b']);
    expect(readings.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'refused', 'missing']);
    expect(source.current?.watchNamespaces).toEqual(['b']);
    expect(source.currentData).toEqual({ 'watch-namespace': 'b' });
  });

  it('is the last good one of before until the ConfigMap is good', async () => {
    put({ 'watch-namespace': 'B_' });
    await begin({ 'watch-namespace': 'a' });
    expect(source.current?.watchNamespaces).toEqual(['a']);
    expect(readings).toMatchObject([{ kind: 'refused', keepsLastGood: true }]);
  });

  it('is not disturbed by an edit of labels', async () => {
    put({ 'watch-namespace': 'a' });
    await begin();
    await edit({ 'watch-namespace': 'a' }, { note: 'x' });
    expect(steps).toEqual(['in force: a']);
  });

  it('says where no registry is configured', async () => {
    put({});
    await begin();
    await edit({ 'acr-registry-info': '- instanceId: ""' });
    expect(readings).toMatchObject([{ personalByDefault: true }, { personalByDefault: false }]);
  });
});

describe('the annotation', () => {
  it('pauses from the start, before anything comes into force', async () => {
    put({ 'watch-namespace': 'a' }, paused);
    await begin({ 'watch-namespace': 'z' });
    expect(steps).toEqual(['paused', 'in force: z', 'in force: a']);
  });

  it('pauses before the configuration beside it comes into force, and ends after', async () => {
    put({ 'watch-namespace': 'a' });
    await begin();
    await edit({ 'watch-namespace': 'b' }, paused);
    await edit({ 'watch-namespace': 'c' });
    expect(steps).toEqual(['in force: a', 'paused', 'in force: b', 'in force: c', 'at work']);
  });

  it('counts beside a configuration that is refused, too', async () => {
    put({ 'watch-namespace': 'a' });
    await begin();
    await edit({ 'watch-namespace': 'B_' }, paused);
    expect(pause.isOn).toBe(true);
    await edit({ 'watch-namespace': 'B_' });
    expect(pause.isOn).toBe(false);
  });

  it.each(['false', '', 'True'])('with the value %j is none', async (value) => {
    put({}, { 'acr-credential-injector/paused': value });
    await begin();
    expect(pause.isOn).toBe(false);
  });

  it('still counts while the ConfigMap is away', async () => {
    put({}, paused);
    await begin();
    api.remove(resources.configMaps, configMap);
    await clock.pass(0);
    expect(pause.isOn).toBe(true);
    await edit({});
    expect(pause.isOn).toBe(false);
  });
});
