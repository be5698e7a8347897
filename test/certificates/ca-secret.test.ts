import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { caBundle, caRecord, caSecret, holdsSameCa, parseCaSecret } from '../../src/certificates/ca-secret.ts';
import type { CertificateKeyPair } from '../../src/certificates/certificate-facts.ts';
import { createCa, issueServingCertificate } from '../../src/certificates/certificate-issuer.ts';
import type { Secret } from '../../src/kube/objects.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const DAY_MS = 86_400_000;

let ca: CertificateKeyPair;
let next: CertificateKeyPair;
let older: CertificateKeyPair;
let secret: Secret;

beforeAll(async () => {
  ca = await createCa(365 * DAY_MS, NOW);
  next = await createCa(365 * DAY_MS, NOW + DAY_MS);
  older = await createCa(10 * DAY_MS, NOW - DAY_MS);
  secret = caSecret(caRecord({ signing: ca, next }, [older.cert], NOW), 'acr');
});

function withData(changes: Record<string, string>): Secret {
  const encoded = Object.entries(changes).map(([name, text]) => [name, Buffer.from(text).toString('base64')] as const);
  return { ...secret, data: { ...secret.data, ...Object.fromEntries(encoded) } };
}

describe('the Secret of the CA', () => {
  it('has the fixed name, type, label and keys', () => {
    expect(secret).toMatchObject({
      metadata: {
        name: 'acr-credential-injector-ca',
        namespace: 'acr',
        labels: { 'app.kubernetes.io/managed-by': 'acr-credential-injector' },
      },
      type: 'Opaque',
    });
    expect(Object.keys(secret.data ?? {})).toEqual(['tls.crt', 'tls.key', 'next.crt', 'next.key', 'ca.crt']);
  });

  it('overwrites a next CA that was', () => {
    const withoutNext = caSecret(caRecord({ signing: ca }, [], NOW), 'acr');
    expect(withoutNext.data).toMatchObject({ 'next.crt': '', 'next.key': '' });
    expect(parseCaSecret(withoutNext).next).toEqual({ state: 'Missing' });
  });

  it('gives back what was put in', () => {
    const { signing, next: coming, readable } = parseCaSecret(secret);
    expect([signing.pair, coming.pair]).toEqual([ca, next]);
    expect(readable.toSorted()).toEqual([ca.cert, next.cert, older.cert].toSorted());
  });

  it('bundles every CA, the oldest first, so that another one that signs changes nothing', () => {
    const bundle = older.cert + ca.cert + next.cert;
    expect(caBundle(caRecord({ signing: ca, next }, [older.cert], NOW))).toBe(bundle);
    expect(caBundle(caRecord({ signing: next }, [older.cert, ca.cert], NOW))).toBe(bundle);
  });

  it('trusts nobody twice, and nobody who has expired', () => {
    const trusted = [older.cert, ca.cert, next.cert, older.cert];
    expect(caRecord({ signing: ca, next }, trusted, NOW).alsoTrusted).toEqual([older.cert]);
    expect(caRecord({ signing: ca, next }, trusted, NOW + 9 * DAY_MS).alsoTrusted).toEqual([]);
  });

  it('keeps what others put on it, and the version as a precondition', () => {
    const metadata = { name: 'x', labels: { team: 'a' }, annotations: { note: 'b' }, resourceVersion: '7', uid: 'u' };
    const written = caSecret(caRecord({ signing: ca }, [], NOW), 'acr', { metadata });
    expect(written.metadata).toMatchObject({ annotations: { note: 'b' }, resourceVersion: '7' });
    expect(written.metadata.labels).toMatchObject({ team: 'a' });
  });

  it('is written again only if its data would change', () => {
    const same = caRecord({ signing: ca, next }, [older.cert], NOW);
    expect(holdsSameCa(secret, caSecret(same, 'acr', secret))).toBe(true);
    expect(holdsSameCa(secret, caSecret({ ...same, alsoTrusted: [] }, 'acr', secret))).toBe(false);
    expect(holdsSameCa(secret, caSecret({ ...same, next: undefined }, 'acr', secret))).toBe(false);
    expect(holdsSameCa(undefined, secret)).toBe(false);
  });
});

describe('a damaged Secret of the CA', () => {
  it('is missing when it is not there or empty', () => {
    const nothing = { signing: { state: 'Missing' }, next: { state: 'Missing' }, readable: [] };
    expect(parseCaSecret(undefined)).toEqual(nothing);
    expect(parseCaSecret({ metadata: {} })).toEqual(nothing);
  });

  it.each(['tls.crt', 'tls.key'])('gives no CA when %s is nonsense, but still the certificates it holds', (name) => {
    const parsed = parseCaSecret(withData({ [name]: 'nonsense' }));
    expect(parsed.signing).toEqual({ state: 'Unreadable' });
    expect(parsed.next.pair).toEqual(next);
    expect(parsed.readable.toSorted()).toEqual([ca.cert, next.cert, older.cert].toSorted());
  });

  it('gives no CA when the key is another one', () => {
    const parsed = parseCaSecret(withData({ 'tls.key': older.key }));
    expect(parsed.signing).toMatchObject({ state: { keyMatches: false } });
    expect(parsed.signing.pair).toBeUndefined();
  });

  it('gives no CA when the certificate is a server’s', async () => {
    const serving = await issueServingCertificate(ca, ['x'], DAY_MS, NOW);
    const parsed = parseCaSecret(withData({ 'tls.crt': serving.cert, 'tls.key': serving.key }));
    expect(parsed.signing).toMatchObject({ state: { maySign: false } });
    expect(parsed.signing.pair).toBeUndefined();
    expect(parsed.readable).not.toContain(serving.cert);
  });

  it('gives the CA when only the bundle is damaged', () => {
    const { signing, readable } = parseCaSecret(withData({ 'ca.crt': `rubbish\n${older.cert}` }));
    expect(signing.pair).toEqual(ca);
    expect(readable).toContain(older.cert);
  });

  it('never makes reading it throw', () => {
    const value = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom(...Object.values(secret.data ?? {})));
    const data = fc.dictionary(fc.constantFrom('tls.crt', 'tls.key', 'next.crt', 'next.key', 'ca.crt', 'other'), value);
    fc.assert(
      fc.property(data, (any) => {
        const { signing, next: coming, readable } = parseCaSecret({ metadata: {}, data: any });
        for (const { pair } of [signing, coming]) if (pair) expect(readable).toContain(pair.cert);
      }),
    );
  });
});
