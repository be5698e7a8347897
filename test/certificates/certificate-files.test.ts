import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { certificatesIn, type CertificateKeyPair } from '../../src/certificates/certificate-facts.ts';
import { CertificateFiles } from '../../src/certificates/certificate-files.ts';
import { certificateIssuer, createCa, issueServingCertificate } from '../../src/certificates/certificate-issuer.ts';
import type { CertificateNotice } from '../../src/certificates/certificate-source.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { KnownTrust } from './known-trust.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();
const start = new ManualClock().now();

let ca: CertificateKeyPair;
let first: CertificateKeyPair;
let second: CertificateKeyPair;
let clock: ManualClock;
let directory: string;
let trust: KnownTrust;
let notices: CertificateNotice[];

beforeAll(async () => {
  ca = await createCa(1000 * HOUR_MS, start);
  first = await issueServingCertificate(ca, ['injector.acr.svc'], 10 * HOUR_MS, start);
  second = await issueServingCertificate(ca, ['injector.acr.svc'], 20 * HOUR_MS, start);
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certificate-files-'));
  clock = new ManualClock();
  trust = new KnownTrust();
  notices = [];
});

afterEach(() => rm(directory, { recursive: true }));

const source = () => new CertificateFiles({ directory, clock, trust, report: (notice) => notices.push(notice) });
const reasons = () => notices.map((notice) => notice.reason);

async function write(pair: CertificateKeyPair, caCert = ca.cert, into = directory): Promise<void> {
  await writeFile(join(into, 'tls.crt'), pair.cert);
  await writeFile(join(into, 'tls.key'), pair.key);
  await writeFile(join(into, 'ca.crt'), caCert);
}

const damagedCertificate = '-----BEGIN CERTIFICATE-----\nMIIBdamaged\n-----END CERTIFICATE-----\n';

/** Less than OpenSSL takes for a key that is safe. */
const weakIssuer = certificateIssuer(() =>
  Promise.resolve(
    generateKeyPairSync('rsa', {
      modulusLength: 1024,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    }),
  ),
);

/** As kubelet updates a mounted Secret: a new directory, then one rename of the link that the files go through. */
async function swap(pair: CertificateKeyPair, version: string): Promise<void> {
  await mkdir(join(directory, version));
  await write(pair, ca.cert, join(directory, version));
  await symlink(version, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
}

describe('certificates in files', () => {
  it('are served as they are', async () => {
    await write(first);
    const files = source();
    expect(await files.refresh(signal)).toBe(true);
    expect(files.current()).toEqual({
      ...first,
      caBundle: ca.cert,
      expiresAt: start + 10 * HOUR_MS,
      caExpiresAt: start + 1000 * HOUR_MS,
    });
  });

  it('are taken anew when they change, and only then told to the listeners', async () => {
    await write(first);
    const files = source();
    const seen: string[] = [];
    files.onChange((certificate) => seen.push(certificate.cert));
    for (const pair of [first, first, second, second]) {
      await write(pair);
      await files.refresh(signal);
    }
    expect(seen).toEqual([first.cert, second.cert]);
  });

  it('follow the swap of a mounted Secret', async () => {
    await swap(first, '..v1');
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) await symlink(join('..data', name), join(directory, name));
    const files = source();
    await files.refresh(signal);
    await swap(second, '..v2');
    await rm(join(directory, '..v1'), { recursive: true });
    expect(await files.refresh(signal)).toBe(true);
    expect(files.current()?.cert).toBe(second.cert);
  });

  it('are read from one version of a mounted Secret, whatever a swap does in between', async () => {
    await swap(first, '..v1');
    for (const name of ['tls.crt', 'tls.key']) await symlink(join('..v1', name), join(directory, name));
    await symlink(join('..data', 'ca.crt'), join(directory, 'ca.crt'));
    await swap(second, '..v2');
    const files = source();
    await files.refresh(signal);
    expect(files.current()?.cert).toBe(second.cert);
  });

  it('are looked at again by the loop, within ten seconds', async () => {
    await write(first);
    const files = source();
    const stop = new AbortController();
    const running = files.run(stop.signal);
    await clock.settled();
    await write(second);
    await clock.pass(10_000);
    await expect.poll(() => files.current()?.cert).toBe(second.cert);
    stop.abort();
    await running;
  });

  it('may bring their chain along, and a bundle of several CAs', async () => {
    const other = await createCa(HOUR_MS, start);
    await write({ cert: first.cert + ca.cert, key: first.key }, other.cert + ca.cert);
    const files = source();
    expect(await files.refresh(signal)).toBe(true);
    expect(files.current()?.caExpiresAt).toBe(start + 1000 * HOUR_MS);
  });

  it.each([
    ['a key of another certificate', 'KeyMismatch', () => writeFile(join(directory, 'tls.key'), second.key)],
    ['a half-written certificate', 'Unreadable', () => writeFile(join(directory, 'tls.crt'), first.cert.slice(0, 500))],
    ['a file less', 'TlsFilesUnreadable', () => rm(join(directory, 'ca.crt'))],
    ['no bundle', 'OtherCa', () => writeFile(join(directory, 'ca.crt'), '')],
  ])(
    'with %s are reported once and leave the last good ones in use, until they are mended',
    async (_what, reason, damage) => {
      await write(first);
      const files = source();
      await files.refresh(signal);
      await damage();
      expect(await files.refresh(signal)).toBe(false);
      expect(await files.refresh(signal)).toBe(false);
      expect(files.current()?.cert).toBe(first.cert);
      expect(reasons()).toEqual([reason]);
      await write(second);
      expect(await files.refresh(signal)).toBe(true);
      expect(files.current()?.cert).toBe(second.cert);
    },
  );

  it.each([
    ['a key that is too small', weakIssuer.issueServingCertificate, ''],
    ['an intermediate that is damaged', issueServingCertificate, damagedCertificate],
  ])('with %s, which no server can be given, change neither certificate nor bundle', async (_what, issue, chain) => {
    await write(first);
    const files = source();
    await files.refresh(signal);
    const before = files.current();
    const otherCa = await createCa(1000 * HOUR_MS, start);
    const { cert, key } = await issue(otherCa, ['injector.acr.svc'], 10 * HOUR_MS, start);
    await write({ cert: cert + chain, key }, otherCa.cert);
    expect(await files.refresh(signal)).toBe(false);
    clock.advance(15 * 60_000);
    expect(await files.refresh(signal)).toBe(false);
    expect(files.current()).toBe(before);
    expect(reasons()).toEqual(['Unservable']);
  });

  it('that have expired are not taken; those in use are kept', async () => {
    await write(second);
    const files = source();
    await files.refresh(signal);
    clock.advance(15 * HOUR_MS);
    await write(first);
    expect(await files.refresh(signal)).toBe(false);
    expect(reasons()).toEqual(['Expired']);
    expect(files.current()?.cert).toBe(second.cert);
  });

  it('wait, when they come with another CA, until the API server is known to trust that; the bundle goes ahead', async () => {
    await write(first);
    const files = source();
    await files.refresh(signal);
    trust.bundle = files.current()!.caBundle;
    const otherCa = await createCa(1000 * HOUR_MS, start);
    const other = await issueServingCertificate(otherCa, ['injector.acr.svc'], 10 * HOUR_MS, start);
    await write(other, otherCa.cert);
    await files.refresh(signal);
    expect(files.current()?.cert).toBe(first.cert);
    expect(files.isVerifiedBy(files.current()!.caBundle)).toBe(true);
    trust.bundle = files.current()!.caBundle;
    await files.refresh(signal);
    expect(files.current()?.cert).toBe(other.cert);
    expect(files.isVerifiedBy(trust.bundle)).toBe(true);
  });

  it('keep the bundle before the last in force for a while: other replicas may still serve what it verifies', async () => {
    await write(first);
    const files = source();
    await files.refresh(signal);
    const otherCa = await createCa(1000 * HOUR_MS, start);
    await write(await issueServingCertificate(otherCa, ['a'], HOUR_MS, start), otherCa.cert);
    await files.refresh(signal);
    expect(certificatesIn(files.current()!.caBundle).map(String)).toEqual([otherCa.cert, ca.cert]);
    clock.advance(10 * 60_000);
    await files.refresh(signal);
    expect(files.current()!.caBundle).toBe(otherCa.cert);
  });

  it('that are due for renewal are still good', async () => {
    await write(first);
    clock.advance(9 * HOUR_MS);
    expect(await source().refresh(signal)).toBe(true);
  });

  it('that are not there leave nothing to serve', async () => {
    const files = source();
    expect(await files.refresh(signal)).toBe(false);
    expect(files.current()).toBeUndefined();
    expect(notices).toEqual([
      { kind: 'problem', reason: 'TlsFilesUnreadable', detail: expect.stringContaining('ENOENT') as string },
    ]);
  });
});
