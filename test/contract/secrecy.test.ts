import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import type { KubeEvent, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { cloudFaults, type Fault } from '../sandbox/cloud/faults.ts';
import { eventually } from './eventually.ts';
import { findLeaks } from './leak-search.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { ACCESS_KEY, PROMISED_MS, useTestBed } from './test-bed.ts';
import { pod, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
/** The longest that a call of the cloud may take, and a little. */
const CALL_MS = 15_000;

describe('what the service says, at log level debug', () => {
  const bed = useTestBed();
  let seen = '';

  it('comes of everything that it does and of everything that can go wrong', { timeout: 60_000 }, async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }));
    await bed.user.create(resources.pods, pod({ namespace, name: 'pod' }, { serviceAccountName: 'account' }));
    const ref = { namespace, name: PULL_SECRET };
    await bed.user.merge(resources.secrets, ref, { data: { '.dockerconfigjson': btoa('{"auths":{}}') } });
    await bed.servedWithin(namespace);

    await meetFaults();
    await giveWrongKeys();
    await misconfigure();
    await seeForeignSecret();
    await bed.service.restart();
    await bed.service.ready();
    await bed.servedNamespace();

    const { items: events } = await bed.client.list<KubeEvent>(resources.events);
    seen = [
      bed.service.output,
      JSON.stringify(await bed.service.status()),
      await bed.service.metrics(),
      JSON.stringify(events.filter(({ source }) => source?.component === 'acr-credential-injector')),
      bed.user.warnings.join('\n'),
    ].join('\n');
    bed.service.signal('SIGTERM');
    await bed.service.exited();
    seen += bed.service.output;
    expect(bed.service.logs.filter(({ level }) => level === 'debug').length).toBeGreaterThan(10);
    expect(bed.service.logs.filter(({ error }) => error).length).toBeGreaterThan(10);
    expect(events.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['InvalidConfiguration', 'ForeignPullSecret']),
    );
  });

  it('holds no secret that the cloud ever issued or saw, in no disguise', () => {
    const secrets = bed.cloud.secrets();
    expect(secrets).toContain(ACCESS_KEY.accessKeySecret);
    expect(secrets.length).toBeGreaterThan(10);
    expect(findLeaks(seen, secrets)).toEqual([]);
  });

  it('holds no credential of the cluster and no private key', async () => {
    const kubeconfig = load(await readFile(bed.cluster.kubeconfig, 'utf8')) as {
      users: { user: { token?: string } }[];
    };
    const tokens = kubeconfig.users.flatMap(({ user }) => user.token ?? []);
    const { data = {} } = await bed.client.get<Secret>(resources.secrets, {
      namespace: bed.ownNamespace,
      name: 'acr-credential-injector-ca',
    });
    const key = Buffer.from(data['tls.key'] ?? '', 'base64').toString();
    const lines = key.split('\n').filter((line) => line.length === 64);
    expect(lines.length).toBeGreaterThan(5);
    expect(findLeaks(seen, [...tokens, ...lines])).toEqual([]);
    expect(seen).not.toContain('PRIVATE KEY');
  });

  it.each([
    'a=plain=b',
    'a%3Dplain%3Db',
    btoa('a=plain=b'),
    btoa('1a=plain=b2'),
    btoa('12a=plain=b'),
    '613d706c61696e3d62',
  ])('would be found out if it held one as %s', (disguised) => {
    expect(findLeaks(`something ${disguised} something`, ['a=plain=b'])).not.toEqual([]);
  });

  /** Every fault of the cloud, each with a registry of its own. */
  async function meetFaults(): Promise<void> {
    const entries = Object.entries(cloudFaults).map(([name, fault], index) => {
      const instanceId = `cri-fault-${index}`;
      bed.cloud.addInstance({ instanceId, regionId: 'cn-hangzhou', name: `fault-${index}` });
      bed.cloud.faults.add(faultOf(name, fault), { instanceId });
      return `- instanceId: ${instanceId}\n  regionId: cn-hangzhou\n`;
    });
    await bed.configure({ 'acr-registry-info': `${bed.configuration['acr-registry-info'] ?? ''}${entries.join('')}` });
    // All of them but the one that only makes the answer slow.
    await eventually(
      () => {
        const failed = new Set(bed.service.logs.filter(({ error }) => error).map(({ registry }) => registry));
        return failed.size >= entries.length - 1;
      },
      { withinMs: CALL_MS },
    );
    bed.cloud.faults.clear();
    await bed.enforce();
  }

  async function giveWrongKeys(): Promise<void> {
    bed.cloud.addAccount({ accessKeyId: 'LTAI5tSecond', accessKeySecret: 'the-right-secret-of-the-second' });
    for (const accessKeyId of ['LTAI5tNobody', 'LTAI5tSecond']) {
      const from = bed.service.logs.length;
      await bed.giveCredentials({ ...ACCESS_KEY, accessKeyId });
      await eventually(() => bed.service.logs.slice(from).some(({ error }) => error?.name === 'CloudApiError'), within);
    }
    await bed.giveCredentials();
  }

  /** People paste keys into the ConfigMap, into the right field and into wrong ones. */
  async function misconfigure(): Promise<void> {
    const { accessKeyId, accessKeySecret } = ACCESS_KEY;
    for (const text of [
      `- instanceId: cri-demo\n  customAccessKey: ${accessKeySecret}\n  customAccessKeySecretRef: ${accessKeyId}\n`,
      `- instanceId: cri-demo\n  customAccessKeySecret: "${accessKeySecret}\n`,
      `[{"instanceId": "cri-demo", "customAccessKeySecret": "${accessKeySecret}"`,
    ]) {
      const from = bed.service.logs.length;
      await bed.configure({ 'acr-registry-info': text });
      await eventually(() => bed.service.logs.slice(from).some(({ problems }) => problems), within);
    }
    await bed.enforce();
  }

  async function seeForeignSecret(): Promise<void> {
    const namespace = bed.nextTarget();
    await bed.enforce({ 'watch-namespace': 'nothing-yet' });
    await bed.namespace(namespace);
    const metadata = { namespace, name: PULL_SECRET };
    await bed.user.create<Secret>(resources.secrets, { metadata, type: 'Opaque', data: { key: btoa('value') } });
    await bed.configure();
    await eventually(
      () => bed.service.logs.some((line) => line.secret === PULL_SECRET && line.namespace === namespace),
      within,
    );
  }
});

function faultOf(name: string, fault: (typeof cloudFaults)[keyof typeof cloudFaults]): Fault {
  if (typeof fault !== 'function') return fault;
  return name === 'failure' ? cloudFaults.failure('SOME_CODE') : (fault as (ms: number) => Fault)(100);
}
