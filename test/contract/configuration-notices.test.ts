import { describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { cloudFaults } from '../sandbox/cloud/faults.ts';
import { isSandbox } from './cluster-under-test.ts';
import { configEvents, configEventSaying } from './config-events.ts';
import { eventually } from './eventually.ts';
import { loginsOf } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';

const within = { withinMs: PROMISED_MS };

describe('a configuration without registries', () => {
  const bed = useTestBed({ configuration: { 'acr-registry-info': undefined }, flags: { region: 'cn-beijing' } });

  it("means the Personal instance of the cluster's region, and an Event says so", async () => {
    bed.cloud.personal('cn-beijing');
    const namespace = await bed.namespace();
    const secret = await bed.servedWithin(namespace, 10_000);
    expect(Object.keys(loginsOf(secret))).toContain('registry-vpc.cn-beijing.aliyuncs.com');
    const event = await configEventSaying(
      bed,
      'PersonalByDefault',
      /Personal Edition instance of the cluster's region/,
    );
    expect(event.type).toBe('Normal');
  });

  it('is none where one is listed, be it the same one', async () => {
    const before = (await configEvents(bed, 'PersonalByDefault')).length;
    const reloads = await bed.service.metric('config_reloads_total');
    await bed.configure({ 'acr-registry-info': '- instanceId: ""\n' });
    await eventually(async () => (await bed.service.metric('config_reloads_total')) > reloads, within);
    expect(await configEvents(bed, 'PersonalByDefault')).toHaveLength(before);
    await bed.configure();
  });
});

describe('the older key acr-registry', () => {
  const globs = 'registry.*.aliyuncs.com,demo-registry.*.cr.aliyuncs.com,demo-registry-vpc.*.cr.aliyuncs.com';
  const bed = useTestBed({
    configuration: { 'acr-registry-info': undefined, 'acr-registry': globs },
    flags: { region: 'cn-hangzhou' },
  });

  it('gives kubelet its globs, with the tokens of the Personal instance and of the one of that name', async () => {
    bed.cloud.personal('cn-hangzhou');
    const namespace = await bed.namespace();
    const logins = await eventually(async () => {
      const secret = await bed.pullSecret(namespace);
      return secret && Object.keys(loginsOf(secret)).length === 3 ? loginsOf(secret) : undefined;
    });
    expect(Object.keys(logins).sort()).toEqual(globs.split(',').sort());
    const tokenFor = (domain: string) => bed.cloud.liveToken('cr_temp_user', logins[domain]!.password);
    expect(tokenFor('demo-registry.*.cr.aliyuncs.com')?.instanceId).toBe('cri-demo');
    expect(tokenFor('registry.*.aliyuncs.com')?.instanceId).toBeUndefined();
  });

  it('names the key to write instead where instances may not be listed', async () => {
    bed.cloud.faults.add(cloudFaults.forbiddenRam, { action: 'ListInstance' });
    await bed.configure({ 'acr-registry': 'other-registry.*.cr.aliyuncs.com' });
    await eventually(
      () =>
        bed.service.logs.some(
          ({ registry, error }) => registry === 'instance-other' && error?.message.includes('acr-registry-info'),
        ),
      within,
    );
  });
});

describe('the e-mail address', () => {
  const bed = useTestBed();

  it('is in every entry from the edit on, and gone after the next', async () => {
    const namespace = await bed.servedNamespace();
    const emails = async () => {
      const logins = loginsOf((await bed.pullSecret(namespace))!) as Record<string, { email?: string }>;
      return new Set(Object.values(logins).map(({ email }) => email));
    };
    expect(await emails()).toEqual(new Set([undefined]));
    await bed.configure({ 'notify-email': 'ops@example.com' });
    await eventually(async () => (await emails()).has('ops@example.com'), within);
    expect((await emails()).size).toBe(1);
    expect(await bed.livePullSecret(namespace)).toBeDefined();
    await bed.configure();
    await eventually(async () => (await emails()).has(undefined), within);
  });
});

describe('an AccessKey in plain text', () => {
  const bed = useTestBed();

  it('is used for its entry, and shown to nobody', async () => {
    const pair = { accessKeyId: 'LTAI5tPlainText', accessKeySecret: 'plain-text-secret-000000000000' };
    bed.cloud.addAccount(pair);
    const namespace = await bed.servedNamespace();
    const fields = `  customAccessKey: ${pair.accessKeyId}\n  customAccessKeySecret: ${pair.accessKeySecret}\n`;
    await bed.configure({ 'acr-registry-info': `${bed.configuration['acr-registry-info'] ?? ''}${fields}` });
    const isTheirs = (secret: Secret | undefined) =>
      secret &&
      Object.values(loginsOf(secret)).every(
        ({ username, password }) => bed.cloud.liveToken(username, password)?.accessKeyId === pair.accessKeyId,
      );
    await eventually(async () => isTheirs(await bed.pullSecret(namespace)), within);
    expect(JSON.stringify(await bed.service.status())).toContain(pair.accessKeyId);
    expect(JSON.stringify(await bed.service.status())).not.toContain(pair.accessKeySecret);
    expect(bed.service.output).not.toContain(pair.accessKeySecret);
  });
});

// On the real cluster other files would see the Deployment, too.
describe.runIf(isSandbox)('the official component beside us', () => {
  const bed = useTestBed({ started: false });

  it('is warned of', async () => {
    const labels = { app: 'aliyun-acr-credential-helper' };
    await bed.user.create(resources.deployments, {
      metadata: { namespace: 'kube-system', name: 'aliyun-acr-credential-helper' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.com/x' }] } },
      },
    } as object as Secret);
    await bed.service.start();
    await bed.service.ready();
    const event = await configEventSaying(bed, 'OfficialComponentRunning', /aliyun-acr-credential-helper/);
    expect(event.type).toBe('Warning');
  });
});
