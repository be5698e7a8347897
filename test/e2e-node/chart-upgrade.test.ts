import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/kube/objects.ts';
import { resources, type ObjectRef, type Resource } from '../../src/kube/resources.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { REGISTRATION } from '../contract/test-bed.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { CHART, expectDone, OWN_NAMESPACE, RELEASE, type RunningPod, useNodeBed, VERSION } from './node-bed.ts';
import { isShallowClone, type PreviousChart, unpackPreviousChart } from './previous-chart.ts';

describe.skipIf(isShallowClone())('`helm upgrade` from the previous version of the chart', () => {
  const bed = useNodeBed();
  const team = uniqueName('team');
  let previous: PreviousChart;

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'acr-credential-injector-chart-'));
    previous = unpackPreviousChart(directory);
    // With the present image, as there is no other, and whatever `helm test` was then.
    const chart = `${previous.path} --set image.tag=${VERSION}`;
    await bed().install((command) => (command.startsWith('helm test') ? '' : command.replace(CHART, chart)));
    return () => rm(directory, { recursive: true });
  });

  it('keeps Pods running, new ones pull, and nothing is made anew without need', async () => {
    await bed().installDemo(team, await bed().push(team));
    const kept: [Resource, ObjectRef][] = [
      [resources.secrets, { namespace: team, name: PULL_SECRET }],
      [resources.secrets, { namespace: OWN_NAMESPACE, name: `${RELEASE}-tokens` }],
      [resources.secrets, { namespace: OWN_NAMESPACE, name: `${RELEASE}-ca` }],
      [resources.mutatingWebhookConfigurations, { name: REGISTRATION }],
      [resources.clusterRoles, { name: RELEASE }],
      [resources.deployments, { namespace: OWN_NAMESPACE, name: RELEASE }],
    ];
    const uids = () =>
      Promise.all(kept.map(async ([kind, ref]) => (await bed().client.get<KubeObject>(kind, ref)).metadata.uid));
    const identity = ({ metadata, status }: RunningPod) => [metadata.uid, status?.containerStatuses];

    const pods = await bed().running(team);
    const before = await uids();
    const asked = bed().cloud.issuedTokens.length;
    expectDone(await bed().upgrade('image.tag='));
    await bed().rolledOut();
    console.log(`upgraded from the chart ${previous.version} (${previous.commit})`);

    expect((await bed().running(team)).map(identity)).toEqual(pods.map(identity));
    expect(await uids()).toEqual(before);
    expect(bed().cloud.issuedTokens).toHaveLength(asked);
    const namespace = uniqueName('after');
    await bed().installDemo(namespace, await bed().push(namespace));
    await bed().running(namespace);
    expect(await bed().pullFailures(namespace)).toEqual([]);
  });
});
