import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/eventually.ts';
import { PodWitness, type PodBirth } from '../contract/pod-witness.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { runAtOnce } from '../contract/run-at-once.ts';
import { useTestBed } from '../contract/test-bed.ts';
import { namesIn } from '../contract/workloads.ts';
import { installDemo, type DemoRelease } from './demo-chart.ts';

const REPETITIONS = 20;

describe('helm install of a chart with ServiceAccount and Deployment into a namespace that did not exist', () => {
  const bed = useTestBed({ configuration: { 'watch-namespace': 'all' } });

  /** Installs the chart as often as there are namespaces, and resolves to how each one's Pod was born. */
  async function install(namespaces: string[], values: DemoRelease['values'] = {}): Promise<PodBirth[]> {
    await using witness = await PodWitness.of(bed);
    const { kubeconfig } = bed.cluster;
    await runAtOnce(3, namespaces, (namespace) => installDemo({ kubeconfig, namespace, values }));
    return await eventually(
      async () => {
        const births = await witness.births();
        const ours = births.filter(({ pod }) => namespaces.includes(pod.metadata.namespace ?? ''));
        return ours.length === namespaces.length && ours;
      },
      { withinMs: 30_000 },
    );
  }

  function expectServed(births: readonly PodBirth[], list: readonly string[]): void {
    expect(births.map(({ pod }) => namesIn(pod.spec?.imagePullSecrets))).toEqual(births.map(() => list));
    expect(births.map(({ isLive }) => isLive)).toEqual(births.map(() => true));
  }

  it(`${REPETITIONS} times: each Pod has the reference, and a live Secret at the moment it exists`, async () => {
    const namespaces = Array.from({ length: REPETITIONS }, () => bed.foreseenNamespace('release'));
    expectServed(await install(namespaces), [PULL_SECRET]);
    expect(bed.tokenCalls).toBe(1);
  });

  it('appends to the own list of a Pod', async () => {
    const values = { 'imagePullSecrets[0]': 'zeta', 'imagePullSecrets[1]': 'alpha' };
    expectServed(await install([bed.foreseenNamespace('own-list')], values), ['zeta', 'alpha', PULL_SECRET]);
  });

  it('serves the ServiceAccount `default`', async () => {
    const values = { 'serviceAccount.create': 'false' };
    await bed.enforce({ 'service-account': undefined });
    expectServed(await install([bed.foreseenNamespace('default')], values), [PULL_SECRET]);
    const [other] = await install([bed.foreseenNamespace('not-default')]);
    expect(namesIn(other?.pod.spec?.imagePullSecrets)).toEqual([]);
  });

  it('serves a ServiceAccount that the configuration names', async () => {
    await bed.enforce({ 'service-account': 'chosen' });
    expectServed(await install([bed.foreseenNamespace('chosen')], { 'serviceAccount.name': 'chosen' }), [PULL_SECRET]);
    const [other] = await install([bed.foreseenNamespace('not-chosen')]);
    expect(namesIn(other?.pod.spec?.imagePullSecrets)).toEqual([]);
    await bed.enforce();
  });

  it('leaves a Pod of other images alone, beside the list of its ServiceAccount', async () => {
    const values = { image: 'registry.example.com/team/public:1', 'imagePullSecrets[0]': 'mine' };
    const [birth] = await install([bed.foreseenNamespace('public')], values);
    expect(namesIn(birth?.pod.spec?.imagePullSecrets)).toEqual(['mine']);
  });
});
