import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { caBundle, caSecret, holdsSameCa, parseCaSecret, trusting } from '../../src/certificates/ca-secret.ts';
import type { CertificateKeyPair } from '../../src/certificates/certificate-facts.ts';
import { createCa, issueServingCertificate } from '../../src/certificates/certificate-issuer.ts';
import type { Secret } from '../../src/kube/objects.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const DAY_MS = 86_400_000;

let ca: CertificateKeyPair;
let older: CertificateKeyPair;
let secret: Secret;

beforeAll(async () => {
  ca = await createCa(365 * DAY_MS, NOW);
  older = await createCa(10 * DAY_MS, NOW);
  secret = caSecret(trusting(ca, [older.cert], NOW), 'acr');
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
    expect(Object.keys(secret.data ?? {})).toEqual(['tls.crt', 'tls.key', 'ca.crt']);
  });

  it('gives back what was put in', () => {
    expect(parseCaSecret(secret).record).toEqual({ ...ca, alsoTrusted: [older.cert] });
  });

  it('bundles the CA that signs first, then the older one', () => {
    expect(caBundle(trusting(ca, [older.cert], NOW))).toBe(ca.cert + older.cert);
  });

  it('trusts nobody twice, and nobody who has expired', () => {
    expect(trusting(ca, [older.cert, ca.cert, older.cert], NOW).alsoTrusted).toEqual([older.cert]);
    expect(trusting(ca, [older.cert], NOW + 10 * DAY_MS).alsoTrusted).toEqual([]);
  });

  it('keeps what others put on it, and the version as a precondition', () => {
    const metadata = { name: 'x', labels: { team: 'a' }, annotations: { note: 'b' }, resourceVersion: '7', uid: 'u' };
    const written = caSecret(trusting(ca, [], NOW), 'acr', { metadata });
    expect(written.metadata).toMatchObject({ annotations: { note: 'b' }, resourceVersion: '7' });
    expect(written.metadata.labels).toMatchObject({ team: 'a' });
  });

  it('is written again only if its data would change', () => {
    expect(holdsSameCa(secret, caSecret(trusting(ca, [older.cert], NOW), 'acr', secret))).toBe(true);
    expect(holdsSameCa(secret, caSecret(trusting(ca, [], NOW), 'acr', secret))).toBe(false);
    expect(holdsSameCa(undefined, secret)).toBe(false);
  });
});

describe('a damaged Secret of the CA', () => {
  it('is missing when it is not there or empty', () => {
    expect(parseCaSecret(undefined)).toEqual({ state: 'Missing', readable: [], record: undefined });
    expect(parseCaSecret({ metadata: {} }).state).toBe('Missing');
  });

  it.each(['tls.crt', 'tls.key'])('gives no CA when %s is nonsense, but still the certificates it holds', (name) => {
    const parsed = parseCaSecret(withData({ [name]: 'nonsense' }));
    expect(parsed).toMatchObject({ state: 'Unreadable', record: undefined });
    expect(parsed.readable).toEqual([ca.cert, older.cert]);
  });

  it('gives no CA when the key is another one', () => {
    const parsed = parseCaSecret(withData({ 'tls.key': older.key }));
    expect(parsed).toMatchObject({ state: { keyMatches: false }, record: undefined });
  });

  it('gives no CA when the certificate is a server’s', async () => {
    const serving = await issueServingCertificate(ca, ['x'], DAY_MS, NOW);
    const parsed = parseCaSecret(withData({ 'tls.crt': serving.cert, 'tls.key': serving.key }));
    expect(parsed).toMatchObject({ state: { maySign: false }, record: undefined });
    expect(parsed.readable).not.toContain(serving.cert);
  });

  it('gives the CA when only the bundle is damaged', () => {
    expect(parseCaSecret(withData({ 'ca.crt': `rubbish\n${older.cert}` })).record).toEqual({
      ...ca,
      alsoTrusted: [older.cert],
    });
  });

  it('never makes reading it throw', () => {
    const value = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom(...Object.values(secret.data ?? {})));
    const data = fc.dictionary(fc.constantFrom('tls.crt', 'tls.key', 'ca.crt', 'other'), value);
    fc.assert(
      fc.property(data, (any) => {
        const { record, readable } = parseCaSecret({ metadata: {}, data: any });
        if (record) expect(readable).toContain(record.cert);
      }),
    );
  });
});
