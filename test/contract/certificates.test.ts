import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { configEventSaying } from './config-events.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { runAtOnce } from './run-at-once.ts';
import { PROMISED_MS, type TestBed, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const CA_LIFETIME_SECONDS = 24;
const CERTIFICATE_LIFETIME_SECONDS = 12;
/** Namespaces can be told by name from 1.21 on, and only then is `Fail` registered. */
const sandbox = { kubernetesVersion: { major: '1', minor: '30', gitVersion: 'v1.30.0' } };
const failing = { 'webhook-configuration': 'enable: true\nfailure-policy: Fail\ntimeout-seconds: 10\n' };

const caRef = (bed: TestBed) => ({ namespace: bed.ownNamespace, name: 'acr-credential-injector-ca' });
const storedCa = async (bed: TestBed) => (await bed.find<Secret>(resources.secrets, caRef(bed)))?.data ?? {};

describe('with certificates of short lives', () => {
  const bed = useTestBed({
    sandbox,
    configuration: failing,
    flags: { 'ca-lifetime': `${CA_LIFETIME_SECONDS}s`, 'certificate-lifetime': `${CERTIFICATE_LIFETIME_SECONDS}s` },
  });

  it('no admission is lost or missed while the CA is changed twice', { timeout: 120_000 }, async () => {
    const namespace = await bed.servedNamespace();
    const signers = new Set<string | undefined>();
    let admitted = 0;
    const missed: ServiceAccount[] = [];
    const create = async () => {
      const account = serviceAccount({ namespace, name: `stream-${admitted++}` });
      const created = await bed.user.create<ServiceAccount>(resources.serviceAccounts, account, { dryRun: true });
      if (!namesIn(created.imagePullSecrets).includes(PULL_SECRET)) missed.push(created);
    };
    const give = performance.now() + 100_000;
    while (signers.size < 3 && performance.now() < give) {
      await runAtOnce(4, Array.from({ length: 40 }), create);
      signers.add((await storedCa(bed))['tls.crt']);
    }
    expect(signers.size).toBe(3);
    expect(missed).toEqual([]);
    expect(admitted).toBeGreaterThan(100);
    // None of the changes had to be made without proof.
    expect(bed.service.logs.filter(({ reason }) => reason === 'LastMoment')).toEqual([]);
  });

  it('the metric says when those in use expire', async () => {
    const expiry = (certificate: string) => bed.service.metric('certificate_expiry_timestamp_seconds', { certificate });
    const [serving, ca, now] = [await expiry('serving'), await expiry('ca'), Date.now() / 1000];
    expect(serving).toBeGreaterThan(now);
    expect(serving).toBeLessThanOrEqual(now + CERTIFICATE_LIFETIME_SECONDS);
    expect(ca).toBeGreaterThan(now);
    expect(ca).toBeLessThanOrEqual(now + CA_LIFETIME_SECONDS);
  });
});

describe('the Secret of the CA', () => {
  const bed = useTestBed({ sandbox, configuration: failing });

  it('holds a CA, for whoever reads it with other tools', async () => {
    const data = await storedCa(bed);
    const certificate = new X509Certificate(Buffer.from(data['tls.crt'] ?? '', 'base64'));
    expect(certificate.ca).toBe(true);
    expect(data['ca.crt']).toBe(data['tls.crt']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['deleted', () => bed.user.delete(resources.secrets, caRef(bed))],
    ['emptied', () => bed.user.merge(resources.secrets, caRef(bed), { data: null })],
    [
      'given another key',
      () => bed.user.merge(resources.secrets, caRef(bed), { data: { 'tls.key': btoa('nonsense') } }),
    ],
    [
      'given a next CA',
      () => bed.user.merge(resources.secrets, caRef(bed), { data: { 'next.crt': btoa('nonsense') } }),
    ],
    ['given another bundle', () => bed.user.merge(resources.secrets, caRef(bed), { data: { 'ca.crt': btoa('no') } })],
  ])('is as it was soon after it was %s, and admission does not notice', async (_what, damage) => {
    const before = await storedCa(bed);
    await damage();
    await eventually(async () => JSON.stringify(await storedCa(bed)) === JSON.stringify(before), within);
    const namespace = await bed.servedNamespace();
    const account = serviceAccount({ namespace, name: 'after' });
    const created = await bed.user.create<ServiceAccount>(resources.serviceAccounts, account);
    expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
  });
});

describe('the self-test', () => {
  const bed = useTestBed({ sandbox, configuration: failing });
  const inTheWay = () => ({ namespace: bed.ownNamespace, name: 'acr-credential-injector-self-test' });
  const result = () => bed.service.metric('self_test_success');

  it('passes, stores nothing, and is counted as nobody’s request', async () => {
    await eventually(async () => (await result()) === 1);
    expect((await bed.service.status()).selfTest).toMatchObject({ passed: true, lastFailure: null });
    expect(await bed.find(resources.serviceAccounts, inTheWay())).toBeUndefined();
    expect(await bed.service.metric('admission_requests_total', { reason: 'SelfTest' })).toBe(0);
  });

  it('says when it fails and why, and when that is over', async () => {
    await bed.user.create(resources.serviceAccounts, { metadata: inTheWay() });
    await bed.service.restart();
    await eventually(async () => (await bed.service.status()).selfTest.passed === false, { withinMs: 20_000 });
    expect(await result()).toBe(0);
    const { lastFailure } = (await bed.service.status()).selfTest;
    expect(lastFailure?.reason).toContain('exists and is in the way');
    await configEventSaying(bed, 'SelfTestFailed', /exists and is in the way/);
    await bed.user.delete(resources.serviceAccounts, inTheWay());
    await eventually(async () => (await result()) === 1, { withinMs: 20_000 });
    expect((await bed.service.status()).selfTest.lastFailure).toEqual(lastFailure);
  });
});
