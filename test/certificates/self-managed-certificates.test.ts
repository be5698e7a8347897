import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseCaSecret } from '../../src/certificates/ca-secret.ts';
import { certificatesIn, isSignedBy } from '../../src/certificates/certificate-facts.ts';
import type { CertificateNotice, ServingCertificate } from '../../src/certificates/certificate-source.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { SelfManagedCertificates } from '../../src/certificates/self-managed-certificates.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { KnownTrust } from './known-trust.ts';
import { MemoryCaStore } from './memory-ca-store.ts';
import { pooledIssuer } from './pooled-issuer.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();

let clock: ManualClock;
let store: MemoryCaStore;
let trust: KnownTrust;
let notices: CertificateNotice[];
let fights: (readonly string[])[];
const issuer = pooledIssuer();

beforeEach(() => {
  clock = new ManualClock();
  store = new MemoryCaStore();
  trust = new KnownTrust();
  notices = [];
  fights = [];
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
    trust,
    loopGuard: new LoopGuard({ clock, onFight: (_object, rivals) => fights.push(rivals) }),
    issuer,
    report: (notice) => notices.push(notice),
  });
}

function isTrusted(served: ServingCertificate | undefined, bundle: string): boolean {
  const leaf = new X509Certificate(served?.cert ?? '');
  return certificatesIn(bundle).some((ca) => isSignedBy(leaf, ca));
}

const reasons = () =>
  notices.map((notice) => (notice.kind === 'problem' ? notice.reason : `${notice.certificate} ${notice.reason}`));
const storedCa = () => parseCaSecret(store.secret).signing.pair;

/** As the leader of a cluster does it whose API server takes up every bundle at once. */
async function register(source: SelfManagedCertificates): Promise<void> {
  await source.refresh(signal);
  trust.bundle = source.current()?.caBundle;
}

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

  it('announces a new CA at two thirds of the life of the old one, and signs with it only later', async () => {
    const source = replica();
    await register(source);
    const before = source.current()!;
    clock.advance(600 * HOUR_MS);
    await register(source);
    const announced = source.current()!;
    expect(announced.caBundle.startsWith(before.caBundle)).toBe(true);
    expect(certificatesIn(announced.caBundle)).toHaveLength(2);
    expect(isTrusted(announced, before.caBundle)).toBe(true);

    await register(source); // sees that the new one is trusted, from now on
    clock.advance(45 * HOUR_MS - 1);
    await register(source);
    expect(trust.asked).toBe(0);
    clock.advance(1);
    await register(source);
    expect([trust.asked, source.current()?.caBundle]).toEqual([1, announced.caBundle]);
    expect(isTrusted(source.current(), before.caBundle)).toBe(true);

    trust.passedAt = clock.now();
    await register(source);
    expect(source.current()?.caBundle).toBe(announced.caBundle);
    expect(isTrusted(source.current(), before.caBundle)).toBe(false);
    expect(isTrusted(source.current(), storedCa()!.cert)).toBe(true);

    clock.advance(255 * HOUR_MS);
    await register(source);
    expect(source.current()?.caBundle).toBe(storedCa()!.cert);
    expect(reasons().filter((reason) => /^(next )?ca/.test(reason))).toEqual([
      'ca Missing',
      'next ca Due',
      'ca Due',
      'ca BundleChanged',
    ]);
  });

  it('asks nobody for proof where no webhook is registered', async () => {
    const source = replica();
    await source.refresh(signal);
    const old = storedCa();
    clock.advance(600 * HOUR_MS);
    await source.refresh(signal);
    clock.advance(45 * HOUR_MS);
    await source.refresh(signal);
    expect(storedCa()).not.toEqual(old);
    expect(trust.asked).toBe(0);
  });

  it('hands over to no CA before a new leader has read what the API server verifies with', async () => {
    const former = replica();
    await register(former);
    const old = storedCa();
    clock.advance(600 * HOUR_MS);
    await former.refresh(signal); // announces the next one, which does not come into the registration
    trust.isRead = false;
    clock.advance(75 * HOUR_MS);
    const leader = replica();
    await leader.refresh(signal);
    expect(storedCa()).toEqual(old);
    expect(isTrusted(leader.current(), trust.bundle ?? '')).toBe(true);
    trust.isRead = true;
    await leader.refresh(signal);
    expect(storedCa()).toEqual(old);
    await register(leader);
    await register(leader);
    clock.advance(45 * HOUR_MS);
    trust.passedAt = clock.now();
    await leader.refresh(signal);
    expect(storedCa()).not.toEqual(old);
  });

  it('makes a CA where there is none, whether or not the registration has been read', async () => {
    trust.isRead = false;
    expect(await replica().refresh(signal)).toBe(true);
    expect(storedCa()).toBeDefined();
  });

  it('changes over without proof before the old CA comes to its end', async () => {
    const source = replica();
    await register(source);
    const old = storedCa();
    for (let hour = 0; hour < 824; hour += 8) {
      clock.advance(8 * HOUR_MS);
      await register(source);
      expect(storedCa()).toEqual(old);
    }
    clock.advance(HOUR_MS);
    await register(source);
    expect(storedCa()).not.toEqual(old);
    expect(reasons()).toContain('ca LastMoment');
  });

  it('presents no certificate of a CA that the API server does not trust, while it has one that it does', async () => {
    const source = replica();
    await register(source);
    const before = source.current()!;
    store.damage({ 'tls.crt': 'AAAA', 'next.crt': null });
    const successor = replica(); // knows nothing of the CA but what can still be read, and makes another
    await successor.refresh(signal);
    const follower = source;
    await follower.refresh(signal);
    expect(follower.current()?.cert).toBe(before.cert);
    expect(isTrusted(before, successor.current()!.caBundle)).toBe(true);
    trust.bundle = successor.current()!.caBundle;
    await follower.refresh(signal);
    expect(isTrusted(follower.current(), storedCa()!.cert)).toBe(true);
  });

  it.each([
    ['deleted', () => store.delete()],
    ['emptied', () => store.put({ ...store.secret!, data: {} })],
    ['given a broken key', () => store.damage({ 'tls.key': 'AAAA' })],
    ['given a broken next CA', () => store.damage({ 'next.crt': 'AAAA', 'next.key': null })],
    ['given a broken bundle', () => store.damage({ 'ca.crt': 'AAAA' })],
  ])('puts the same CA back into a Secret that was %s', async (_what, damage) => {
    const source = replica();
    await source.refresh(signal);
    clock.advance(600 * HOUR_MS);
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
    store.damage({ 'tls.key': 'AAAA' });
    const source = replica();
    await source.refresh(signal);
    expect(storedCa()?.cert).not.toBe(former.cert);
    expect(certificatesIn(source.current()!.caBundle).map(String)).toEqual(
      expect.arrayContaining([former.cert, storedCa()!.cert]),
    );
  });

  it('announces another CA when the next one is damaged where nobody remembers it', async () => {
    const source = replica();
    await source.refresh(signal);
    clock.advance(600 * HOUR_MS);
    await source.refresh(signal);
    const next = parseCaSecret(store.secret).next.pair!;
    store.damage({ 'next.key': 'AAAA' });
    await replica().refresh(signal);
    const other = parseCaSecret(store.secret).next.pair!;
    expect(other.cert).not.toBe(next.cert);
    expect(parseCaSecret(store.secret).readable).toEqual(expect.arrayContaining([next.cert, other.cert]));
  });

  it('leaves the Secret for a while to somebody who undoes every repair', async () => {
    const source = replica();
    await source.refresh(signal);
    const writes = store.writes;
    for (let round = 0; round < 60; round++) {
      store.damage({ 'ca.crt': 'AAAA' });
      expect(await source.refresh(signal)).toBe(true);
      clock.advance(1_000);
    }
    expect(fights).toHaveLength(1);
    expect(store.writes - writes - 60).toBeLessThan(20);
    expect(isTrusted(source.current(), source.current()!.caBundle)).toBe(true);
  });

  it('makes another CA when the clock is set back to before the present one, and still trusts that', async () => {
    const source = replica();
    await source.refresh(signal);
    const before = source.current()!;
    clock.advance(-HOUR_MS);
    await source.refresh(signal);
    expect(reasons().slice(2)).toEqual(['ca NotYetValid', 'serving NotYetValid']);
    expect(isTrusted(before, source.current()!.caBundle)).toBe(true);
    expect(new X509Certificate(source.current()!.cert).validFromDate.getTime()).toBeLessThanOrEqual(clock.now());
  });

  it('makes another CA when the clock was set forward to after the end of the present one', async () => {
    const source = replica();
    await source.refresh(signal);
    clock.advance(9_000 * HOUR_MS);
    await source.refresh(signal);
    expect(reasons().slice(2)).toEqual(['ca Expired', 'serving Expired']);
    expect(source.current()!.expiresAt).toBeGreaterThan(clock.now());
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
    const former = storedCa()!;
    for (const hours of [600, 45]) {
      clock.advance(hours * HOUR_MS);
      await leader.refresh(signal);
      await follower.refresh(signal);
      expect(follower.current()?.caBundle).toBe(leader.current()?.caBundle);
    }
    expect(storedCa()?.cert).not.toBe(former.cert);
    expect(isTrusted(follower.current(), storedCa()!.cert)).toBe(true);
    const before = follower.current();
    store.put({ ...store.secret!, data: { 'tls.crt': 'AAAA' } });
    expect(await follower.refresh(signal)).toBe(false);
    expect(follower.current()).toBe(before);
  });

  it('that do not lead say once that the CA has expired, and go on as soon as there is another', async () => {
    const [leader, follower] = [replica(), replica({ leads: false })];
    await leader.refresh(signal);
    await follower.refresh(signal);
    const before = follower.current();
    clock.advance(900 * HOUR_MS);
    expect(await follower.refresh(signal)).toBe(false);
    expect(await follower.refresh(signal)).toBe(false);
    expect(follower.current()).toBe(before);
    expect(reasons().filter((reason) => reason === 'CaExpired')).toHaveLength(1);
    await leader.refresh(signal);
    expect(await follower.refresh(signal)).toBe(true);
    expect(isTrusted(follower.current(), storedCa()!.cert)).toBe(true);
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
      await clock.pass(1_000);
      expect(source.current()!.expiresAt).toBeGreaterThan(clock.now());
      expect(source.isVerifiedBy(source.current()!.caBundle)).toBe(true);
    }
    stop.abort();
    await running;
    expect(seen.length).toBeGreaterThanOrEqual(8);
    expect(seen.at(-1)).toBe(source.current());
  });

  it('mends a Secret as soon as somebody damages it', async () => {
    const source = replica();
    const stop = new AbortController();
    const running = source.run(stop.signal);
    await clock.pass(1_000);
    const data = store.secret?.data;
    store.delete();
    await clock.pass(200);
    expect(store.secret?.data).toEqual(data);
    stop.abort();
    await running;
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
