import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseCaSecret } from '../../src/certificates/ca-secret.ts';
import { certificatesIn, isSignedBy } from '../../src/certificates/certificate-facts.ts';
import type { CertificateNotice, ServingCertificate } from '../../src/certificates/certificate-source.ts';
import { SelfManagedCertificates } from '../../src/certificates/self-managed-certificates.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryCaStore } from './memory-ca-store.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();

let clock: ManualClock;
let store: MemoryCaStore;
let notices: CertificateNotice[];

beforeEach(() => {
  clock = new ManualClock();
  store = new MemoryCaStore();
  notices = [];
});

function replica(options: { leads?: boolean; caLifetimeMs?: number; certificateLifetimeMs?: number } = {}) {
  return new SelfManagedCertificates({
    store,
    clock,
    namespace: 'acr',
    names: ['injector.acr.svc', '127.0.0.1'],
    caLifetimeMs: options.caLifetimeMs ?? 900 * HOUR_MS,
    certificateLifetimeMs: options.certificateLifetimeMs ?? 90 * HOUR_MS,
    leads: () => options.leads ?? true,
    report: (notice) => notices.push(notice),
  });
}

function isTrusted(served: ServingCertificate | undefined, bundle: string): boolean {
  const leaf = new X509Certificate(served?.cert ?? '');
  return certificatesIn(bundle).some((ca) => isSignedBy(leaf, ca));
}

const reasons = () =>
  notices.map((notice) => (notice.kind === 'problem' ? notice.reason : `${notice.certificate} ${notice.reason}`));
const storedCa = () => parseCaSecret(store.secret).record;

describe('the leader', () => {
  it('makes a CA and a serving certificate that the CA has signed', async () => {
    const source = replica();
    expect(source.current()).toBeUndefined();
    expect(await source.refresh(signal)).toBe(true);
    expect(isTrusted(source.current(), source.current()!.caBundle)).toBe(true);
    expect(source.current()).toMatchObject({
      expiresAt: clock.now() + 90 * HOUR_MS,
      caExpiresAt: clock.now() + 900 * HOUR_MS,
    });
    expect(reasons()).toEqual(['ca Missing', 'serving Missing']);
  });

  it('takes over the CA that a former leader made', async () => {
    await replica().refresh(signal);
    const successor = replica();
    await successor.refresh(signal);
    expect(successor.current()?.caBundle).toBe(storedCa()?.cert);
    expect(store.writes).toBe(1);
  });

  it('changes nothing while all is well', async () => {
    const source = replica();
    await source.refresh(signal);
    const before = source.current();
    clock.advance(59 * HOUR_MS);
    await source.refresh(signal);
    expect(source.current()).toBe(before);
    expect(store.writes).toBe(1);
  });

  it('renews the serving certificate at two thirds of its life, under the same CA', async () => {
    const source = replica();
    await source.refresh(signal);
    const before = source.current()!;
    clock.advance(60 * HOUR_MS);
    await source.refresh(signal);
    expect(source.current()?.cert).not.toBe(before.cert);
    expect(source.current()?.caBundle).toBe(before.caBundle);
    expect(reasons()).toContain('serving Due');
  });

  it('renews the CA at two thirds of its life and keeps the old one in the bundle until that expires', async () => {
    const source = replica();
    await source.refresh(signal);
    const before = source.current()!;
    clock.advance(600 * HOUR_MS);
    await source.refresh(signal);
    const renewed = source.current()!;
    expect(renewed.caBundle).toBe(storedCa()!.cert + before.caBundle);
    expect(isTrusted(before, renewed.caBundle)).toBe(true);
    expect(isTrusted(renewed, storedCa()!.cert)).toBe(true);
    clock.advance(300 * HOUR_MS);
    await source.refresh(signal);
    expect(source.current()?.caBundle).toBe(storedCa()!.cert);
    expect(reasons().filter((reason) => reason.startsWith('ca'))).toEqual(['ca Missing', 'ca Due', 'ca BundleChanged']);
  });

  it.each([
    ['deleted', () => (store.secret = undefined)],
    [
      'emptied',
      () => {
        store.put({ ...store.secret!, data: {} });
      },
    ],
    [
      'given a broken key',
      () => {
        store.put({ ...store.secret!, data: { ...store.secret!.data, 'tls.key': 'AAAA' } });
      },
    ],
    [
      'given a broken bundle',
      () => {
        store.put({ ...store.secret!, data: { ...store.secret!.data, 'ca.crt': 'AAAA' } });
      },
    ],
  ])('puts the same CA back into a Secret that was %s', async (_what, damage) => {
    const source = replica();
    await source.refresh(signal);
    const [before, data] = [source.current(), store.secret?.data];
    damage();
    expect(await source.refresh(signal)).toBe(true);
    expect(store.secret?.data).toEqual(data);
    expect(source.current()).toBe(before);
  });

  it('makes a new CA for a damaged Secret that it knows nothing of, and still trusts what can be read there', async () => {
    await replica().refresh(signal);
    const former = storedCa()!;
    store.put({ ...store.secret!, data: { ...store.secret!.data, 'tls.key': 'AAAA' } });
    await replica().refresh(signal);
    expect(storedCa()?.cert).not.toBe(former.cert);
    expect(storedCa()?.alsoTrusted).toEqual([former.cert]);
  });

  it('keeps a renewal clean when the Secret was deleted in the meantime', async () => {
    const source = replica();
    await source.refresh(signal);
    const before = source.current()!;
    clock.advance(600 * HOUR_MS);
    store.secret = undefined;
    await source.refresh(signal);
    expect(isTrusted(before, source.current()!.caBundle)).toBe(true);
  });

  it('serves on with the CA in memory, and renews with it, while the API server is away', async () => {
    const source = replica();
    await source.refresh(signal);
    const before = source.current()!;
    store.failure = new Error('away');
    clock.advance(60 * HOUR_MS);
    expect(await source.refresh(signal)).toBe(false);
    expect(source.current()?.cert).not.toBe(before.cert);
    expect(isTrusted(source.current(), before.caBundle)).toBe(true);
  });

  it('says a problem once, and again after it was over', async () => {
    const source = replica();
    for (const failure of [new Error('away'), new Error('away'), undefined, new Error('away')]) {
      store.failure = failure;
      await source.refresh(signal);
    }
    expect(reasons()).toEqual(['Unexpected', 'ca Missing', 'serving Missing', 'Unexpected']);
  });

  it('writes no private key into a notice', async () => {
    const source = replica();
    await source.refresh(signal);
    store.put({ ...store.secret!, data: { ...store.secret!.data, 'tls.crt': store.secret!.data!['tls.key']! } });
    await source.refresh(signal);
    expect(JSON.stringify(notices)).not.toMatch(/PRIVATE|BEGIN/);
  });
});

describe('several replicas', () => {
  it('that create the CA at the same moment end with one CA, which all of them use', async () => {
    const replicas = [replica(), replica(), replica()];
    await Promise.all(replicas.map((source) => source.refresh(signal)));
    expect(store.writes).toBe(1);
    for (const source of replicas) expect(isTrusted(source.current(), storedCa()!.cert)).toBe(true);
  });

  it('serve with certificates of their own', async () => {
    const [one, two] = [replica(), replica()];
    await one.refresh(signal);
    await two.refresh(signal);
    expect(one.current()?.key).not.toBe(two.current()?.key);
  });

  it('that do not lead write nothing, wait for a CA and take it', async () => {
    const follower = replica({ leads: false });
    expect(await follower.refresh(signal)).toBe(false);
    expect(store.writes).toBe(0);
    expect(reasons()).toEqual(['CaMissing']);
    await replica().refresh(signal);
    expect(await follower.refresh(signal)).toBe(true);
    expect(isTrusted(follower.current(), storedCa()!.cert)).toBe(true);
  });

  it('that do not lead follow a new CA, and keep serving when the Secret is damaged', async () => {
    const [leader, follower] = [replica(), replica({ leads: false })];
    await leader.refresh(signal);
    await follower.refresh(signal);
    clock.advance(600 * HOUR_MS);
    await leader.refresh(signal);
    await follower.refresh(signal);
    expect(follower.current()?.caBundle).toBe(leader.current()?.caBundle);
    expect(isTrusted(follower.current(), storedCa()!.cert)).toBe(true);
    const before = follower.current();
    store.put({ ...store.secret!, data: { 'tls.crt': 'AAAA' } });
    expect(await follower.refresh(signal)).toBe(false);
    expect(follower.current()).toBe(before);
  });

  it('give up for now when others keep changing the Secret', async () => {
    const source = replica();
    await source.refresh(signal);
    clock.advance(600 * HOUR_MS);
    store.beforeSave = () => {
      store.put(store.secret!);
      return Promise.resolve();
    };
    expect(await source.refresh(signal)).toBe(false);
    expect(reasons()).toContain('CaContended');
  });
});

describe('the loop', () => {
  it('keeps certificates of 20 s alive through many rotations, each told to the listeners, and ends with its signal', async () => {
    const source = replica({ caLifetimeMs: 60_000, certificateLifetimeMs: 20_000 });
    const seen: ServingCertificate[] = [];
    source.onChange((certificate) => seen.push(certificate));
    const stop = new AbortController();
    const running = source.run(stop.signal);
    for (let second = 0; second < 120; second++) {
      await clock.settled();
      expect(source.current()!.expiresAt).toBeGreaterThan(clock.now());
      expect(isTrusted(source.current(), storedCa()!.cert)).toBe(true);
      clock.advance(1_000);
    }
    stop.abort();
    await running;
    expect(seen.length).toBeGreaterThanOrEqual(8);
    expect(seen.at(-1)).toBe(source.current());
  });

  it('stops telling a listener that has left', async () => {
    const source = replica();
    let calls = 0;
    const leave = source.onChange(() => calls++);
    await source.refresh(signal);
    leave();
    clock.advance(60 * HOUR_MS);
    await source.refresh(signal);
    expect(calls).toBe(1);
  });
});
