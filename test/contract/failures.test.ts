import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { cloudFaults, type Fault } from '../sandbox/cloud/faults.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';
import { loginsOf } from './pull-secret-check.ts';
import type { LogLine, ServiceProcess } from './service-process.ts';
import { ACCESS_KEY, INSTANCE, PROMISED_MS, TestBed, useTestBed } from './test-bed.ts';

const within = { withinMs: PROMISED_MS };
/** The waits between tries grow with the failures; after an outage of seconds they are some seconds long. */
const RECOVERY_MS = 15_000;

/** What it says at level `error`, each time since `from`. */
function complaintsOf(service: ServiceProcess, from = 0): LogLine[] {
  return service.logs.slice(from).filter(({ level }) => level === 'error');
}

/** The first complaint about the instance's token. */
function tokenComplaint(service: ServiceProcess, from = 0): Promise<LogLine> {
  return eventually(() => complaintsOf(service, from).find(({ registry }) => registry === INSTANCE.instanceId), within);
}

async function expectUp({ service }: TestBed): Promise<void> {
  expect([await service.probe('/livez'), await service.probe('/readyz')]).toEqual([200, 200]);
}

describe('what is missing at the start', () => {
  const bed = useTestBed({ configuration: null, credentials: false, started: false });
  let from = 0;
  let namespace = '';

  afterEach(() => {
    from = bed.service.logs.length;
  });

  it('no ConfigMap: the service is up, and one line says which it waits for', async () => {
    namespace = await bed.namespace();
    await bed.service.start();
    await bed.service.ready();
    const configMap = `${bed.ownNamespace}/acr-configuration`;
    await eventually(() => complaintsOf(bed.service).length > 0, within);
    expect(complaintsOf(bed.service)).toEqual([expect.objectContaining({ configMap, keepsLastGood: false })]);
    await expectUp(bed);
  });

  it('no credentials: the service is up, and one line says where they may be', async () => {
    await bed.configure();
    const { error } = await tokenComplaint(bed.service, from);
    expect(error).toMatchObject({ name: 'CredentialsError', code: 'CredentialsMissing' });
    for (const place of [`${bed.ownNamespace}/alibaba-addon-secret`, 'ALIBABA_CLOUD_ACCESS_KEY_ID', 'RAM role'])
      expect(error?.message).toContain(place);
    expect(bed.tokenCalls).toBe(0);
    await expectUp(bed);
  });

  it('half of the credentials: one line says which half is missing', async () => {
    await bed.giveCredentials({ ...ACCESS_KEY, accessKeySecret: '' });
    const complaint = await eventually(
      () => complaintsOf(bed.service, from).find(({ error }) => error?.code === 'AccessKeyIncomplete'),
      within,
    );
    expect(complaint.error?.message).toContain('access-key-secret');
    expect(bed.tokenCalls).toBe(0);
    await expectUp(bed);
  });

  it('all there: everything is served at once', async () => {
    await bed.giveCredentials();
    await bed.servedWithin(namespace);
  });
});

describe('an AccessKey whose Secret was named', () => {
  const bed = useTestBed({ flags: { 'access-key-secret': 'mine' } });

  it('is waited for, though alibaba-addon-secret is there, and taken as soon as it is', async () => {
    const namespace = await bed.namespace();
    const { error } = await tokenComplaint(bed.service);
    expect(error).toMatchObject({ name: 'CredentialsError', code: 'AccessKeyMissing' });
    expect(error?.message).toContain(`there is no Secret ${bed.ownNamespace}/mine,`);
    expect(bed.tokenCalls).toBe(0);

    const pair = { accessKeyId: 'LTAI5tNamed', accessKeySecret: 'the-access-key-secret-of-the-named' };
    bed.cloud.addAccount(pair);
    await bed.user.create<Secret>(resources.secrets, {
      metadata: { namespace: bed.ownNamespace, name: 'mine' },
      data: { 'access-key-id': btoa(pair.accessKeyId), 'access-key-secret': btoa(pair.accessKeySecret) },
    });
    const [login] = Object.values(loginsOf(await bed.servedWithin(namespace)));
    expect(bed.cloud.liveToken(login!.username, login!.password)?.accessKeyId).toBe(pair.accessKeyId);
  });
});

describe('what is wrong with the credentials or the configuration', () => {
  const bed = useTestBed();
  let from = 0;

  afterEach(() => {
    from = bed.service.logs.length;
  });

  it('a wrong instance: one line names it, the region and what to correct; the right one is served at once', async () => {
    const namespace = await bed.servedNamespace();
    await bed.configure({ 'acr-registry-info': '- instanceId: cri-wrong\n  regionId: cn-hangzhou\n' });
    const complaint = await eventually(
      () => complaintsOf(bed.service, from).find(({ registry }) => registry === 'cri-wrong'),
      within,
    );
    expect(complaint.error).toMatchObject({ name: 'CloudApiError', code: 'INSTANCE_NOT_EXIST' });
    for (const fact of ['cri-wrong', 'cn-hangzhou', 'acr-registry-info'])
      expect(complaint.error?.message).toContain(fact);
    await expectUp(bed);
    await bed.configure();
    await bed.servedWithin(namespace);
  });

  it('a wrong instance beside a right one delays the right one not at all', async () => {
    const namespace = await bed.servedNamespace();
    const right = bed.configuration['acr-registry-info'] ?? '';
    await bed.configure({ 'acr-registry-info': `- instanceId: cri-wrong\n  regionId: cn-hangzhou\n${right}` });
    await eventually(() => complaintsOf(bed.service, from).some(({ registry }) => registry === 'cri-wrong'), within);
    expect(await bed.livePullSecret(namespace)).toBeDefined();
    await bed.servedNamespace();
    await bed.configure();
  });

  it.each([
    ['an AccessKey that nobody knows', 'LTAI5tNobody', 'InvalidAccessKeyId.NotFound'],
    ['an AccessKey with the secret of another', 'LTAI5tSecond', 'SignatureDoesNotMatch'],
  ])(
    '%s: one line says so, and tokens that live are kept; the right pair is taken at once',
    async (_what, id, code) => {
      const namespace = await bed.servedNamespace();
      bed.cloud.addAccount({ accessKeyId: 'LTAI5tSecond', accessKeySecret: 'the-right-secret-of-the-second' });
      await bed.giveCredentials({ ...ACCESS_KEY, accessKeyId: id });
      const complaint = await tokenComplaint(bed.service, from);
      expect(complaint.error).toMatchObject({ name: 'CloudApiError', code });
      expect(await bed.livePullSecret(namespace)).toBeDefined();
      await expectUp(bed);

      await bed.giveCredentials();
      bed.cloud.addInstance({ instanceId: 'cri-new', regionId: 'cn-hangzhou', name: 'new' });
      const withNew = `${bed.configuration['acr-registry-info'] ?? ''}- instanceId: cri-new\n  regionId: cn-hangzhou\n`;
      await bed.configure({ 'acr-registry-info': withNew });
      await eventually(async () => {
        const domains = Object.keys(loginsOf(await bed.servedWithin(namespace)));
        return domains.includes('new-registry.cn-hangzhou.cr.aliyuncs.com');
      }, within);
      await bed.configure();
    },
  );
});

describe('a cloud that cannot be reached', () => {
  it('is waited for, and served from as soon as it is there', async () => {
    const port = await freePorts(1);
    await using bed = new TestBed({ flags: { 'cr-endpoint': `http://127.0.0.1:${port}` } });
    await bed.start();
    const namespace = await bed.namespace();
    const { error } = await tokenComplaint(bed.service);
    expect(error).toMatchObject({ name: 'CloudApiError', code: 'Unreachable' });
    expect(error?.message).toContain(`127.0.0.1:${port}`);
    await expectUp(bed);

    await using cloud = await CloudEmulator.start({ port });
    cloud.addAccount(ACCESS_KEY);
    cloud.addInstance(INSTANCE);
    await eventually(() => bed.pullSecret(namespace), { withinMs: RECOVERY_MS });
  });
});

const faults: [what: string, fault: Fault, code: string][] = [
  ['resets every connection', cloudFaults.reset, 'Unreachable'],
  ['answers 503', cloudFaults.serviceUnavailable, 'ServiceUnavailable'],
  ['answers 502 with a page of HTML', cloudFaults.htmlError, 'InvalidResponse'],
  ['answers half a JSON', cloudFaults.nonsense, 'InvalidResponse'],
  ['answers nothing', cloudFaults.nothing, 'InvalidResponse'],
  ['asks for fewer requests', cloudFaults.throttling(1_000), 'Throttling.User'],
  ['refuses the permission', cloudFaults.forbiddenRam, 'Forbidden.RAM'],
  ['answers with an empty token', cloudFaults.emptyToken, 'InvalidResponse'],
  ['answers with a token that has expired', cloudFaults.expiredToken, 'InvalidResponse'],
];

describe('a cloud that, for one of the instances,', () => {
  const bed = useTestBed();
  const instanceOf = (what: string) => `cri-${what.replaceAll(' ', '-')}`;
  const domainOf = (what: string) => `${instanceOf(what)}.example.com`;
  const ends = new Map<string, () => void>();
  let namespace = '';

  beforeAll(async () => {
    namespace = await bed.servedNamespace();
    const entries = faults.map(([what, fault]) => {
      const instance = { instanceId: instanceOf(what), regionId: 'cn-hangzhou' };
      bed.cloud.addInstance({ ...instance, name: instanceOf(what) });
      ends.set(what, bed.cloud.faults.add(fault, { instanceId: instance.instanceId }));
      return `- instanceId: ${instance.instanceId}\n  regionId: ${instance.regionId}\n  domains: ${domainOf(what)}\n`;
    });
    await bed.configure({ 'acr-registry-info': `${bed.configuration['acr-registry-info'] ?? ''}${entries.join('')}` });
  });

  it.concurrent.each(faults)(
    '%s is named in one line, disturbs no other instance, and is served from once it is well',
    async (what, _fault, code) => {
      const complaint = await eventually(
        () => complaintsOf(bed.service).find(({ registry }) => registry === instanceOf(what)),
        within,
      );
      expect(complaint.error).toMatchObject({ name: 'CloudApiError', code });
      expect(Object.keys(loginsOf(await bed.servedWithin(namespace)))).not.toContain(domainOf(what));
      await expectUp(bed);
      ends.get(what)?.();
      const isServed = async () => domainOf(what) in loginsOf(await bed.servedWithin(namespace));
      await eventually(isServed, { withinMs: RECOVERY_MS });
    },
  );
});
