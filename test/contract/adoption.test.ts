import { afterEach, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { cloudFaults, type Fault } from '../sandbox/cloud/faults.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { INSTANCE, TestBed } from './test-bed.ts';
import { serviceAccount } from './workloads.ts';

const OTHER = { instanceId: 'cri-other', regionId: 'cn-hangzhou', name: 'other' };
const domainOf = ({ name, regionId }: typeof OTHER) => `${name}-registry.${regionId}.cr.aliyuncs.com`;

/** Of the official component, whose tokens are good for a while yet. */
const theirs = { username: 'cr_temp_user', password: 'theirs', auth: btoa('cr_temp_user:theirs') };
const theirData = JSON.stringify({ auths: { [domainOf(INSTANCE)]: theirs, [domainOf(OTHER)]: theirs } });

describe('the first start beside a Secret that the official component filled', () => {
  let bed: TestBed;
  afterEach(() => bed[Symbol.asyncDispose]());

  /** Starts the service while one of its registries has a fault; resolves to the Secret before. */
  async function startWith(fault: Fault): Promise<{ namespace: string; before: Secret }> {
    bed = new TestBed({ started: false });
    await bed.start();
    bed.cloud.addInstance(OTHER);
    bed.cloud.faults.add(fault, { instanceId: OTHER.instanceId });
    const info = [INSTANCE, OTHER].map(
      ({ instanceId, regionId }) => `- instanceId: ${instanceId}\n  regionId: ${regionId}\n`,
    );
    await bed.configure({ 'acr-registry-info': info.join('') });
    const namespace = await bed.namespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'app' }, [PULL_SECRET, 'mine']));
    const before = await bed.user.create<Secret>(resources.secrets, {
      metadata: { namespace, name: PULL_SECRET },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': btoa(theirData) },
    });
    await bed.service.start();
    await bed.service.ready();
    return { namespace, before };
  }

  it('takes no login away whose successor is not there yet, and changes neither its UID nor who refers to it', async () => {
    const { namespace, before } = await startWith(cloudFaults.slow(1_500));
    await using recorder = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace });
    const adopted = await bed.servedWithin(namespace, 15_000);
    expect(adopted.metadata.uid).toBe(before.metadata.uid);
    expect(await bed.pullSecretsOf(namespace, 'app')).toEqual([PULL_SECRET, 'mine']);
    const states = [...recorder.changes.map(({ object }) => object), adopted];
    for (const state of states) {
      expect(Object.keys(loginsOf(state))).toEqual(expect.arrayContaining([domainOf(INSTANCE), domainOf(OTHER)]));
    }
  });

  it('waits for a registry that only fails no longer than three tries', async () => {
    const { namespace } = await startWith(cloudFaults.forbiddenRam);
    const isOurs = async () => {
      const { [domainOf(INSTANCE)]: login } = loginsOf((await bed.pullSecret(namespace))!);
      return login?.password !== theirs.password;
    };
    await eventually(isOurs, { withinMs: 30_000 });
  });
});
