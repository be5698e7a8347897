import { X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { beforeAll, describe, expect, it } from 'vitest';
import { inspectCa, inspectServing, type CertificateKeyPair } from '../../src/certificates/certificate-facts.ts';
import { createCa, issueServingCertificate } from '../../src/certificates/certificate-issuer.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const DAY_MS = 86_400_000;
const NAMES = ['acr.kube-system.svc', 'acr', '127.0.0.1', '2001:db8::1'];

let ca: CertificateKeyPair;
let serving: CertificateKeyPair;

beforeAll(async () => {
  ca = await createCa(365 * DAY_MS, NOW);
  serving = await issueServingCertificate(ca, NAMES, 30 * DAY_MS, NOW);
});

/** The extensions as an independent reader of ASN.1 sees them. */
function extension(pair: CertificateKeyPair, name: string): object | undefined {
  return forge.pki.certificateFromPem(pair.cert).getExtension(name);
}

describe('a new CA', () => {
  it('may sign certificates but no further CA', () => {
    expect(extension(ca, 'basicConstraints')).toMatchObject({ critical: true, cA: true, pathLenConstraint: 0 });
    expect(extension(ca, 'keyUsage')).toMatchObject({
      critical: true,
      keyCertSign: true,
      cRLSign: true,
      digitalSignature: false,
    });
    expect(inspectCa(ca)).toMatchObject({ maySign: true, keyMatches: true });
  });

  it('says in its name when it was made', () => {
    expect(new X509Certificate(ca.cert).subject).toBe('CN=acr-credential-injector CA 2026-01-02T03:04:05.000Z');
  });

  it('is signed by itself with SHA-256 and a key of 2048 bits', () => {
    const certificate = new X509Certificate(ca.cert);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(forge.pki.certificateFromPem(ca.cert).signatureOid).toBe(forge.pki.oids.sha256WithRSAEncryption);
  });

  it('is written as OpenSSL writes it, so that reading and writing it again changes no byte', () => {
    expect(new X509Certificate(ca.cert).toString()).toBe(ca.cert);
  });
});

describe('a serving certificate', () => {
  it('is good for a TLS server and nothing else', () => {
    expect(extension(serving, 'basicConstraints')).toMatchObject({ critical: true, cA: false });
    expect(extension(serving, 'extKeyUsage')).toMatchObject({ serverAuth: true });
    expect(extension(serving, 'extKeyUsage')).not.toHaveProperty('clientAuth', true);
    expect(extension(serving, 'keyUsage')).toMatchObject({ digitalSignature: true, keyCertSign: false });
    expect(inspectServing(serving, ca.cert, [])).toMatchObject({ maySign: false });
  });

  it('covers every DNS name and IP address, and no other', () => {
    expect(inspectServing(serving, ca.cert, NAMES)).toMatchObject({ coversNames: true });
    expect(inspectServing(serving, ca.cert, ['acr.other.svc'])).toMatchObject({ coversNames: false });
    expect(inspectServing(serving, ca.cert, ['127.0.0.2'])).toMatchObject({ coversNames: false });
  });

  it('names its issuer by name and key identifier', () => {
    const [leaf, authority] = [new X509Certificate(serving.cert), new X509Certificate(ca.cert)];
    expect(leaf.checkIssued(authority)).toBe(true);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    const keyId = forge.pki.certificateFromPem(ca.cert).generateSubjectKeyIdentifier();
    expect(extension(ca, 'subjectKeyIdentifier')).toMatchObject({ subjectKeyIdentifier: keyId.toHex() });
    expect(extension(serving, 'authorityKeyIdentifier')).toMatchObject({
      value: expect.stringContaining(keyId.getBytes()) as string,
    });
  });

  it('begins five minutes before its issue and ends after its lifetime', () => {
    const { validFromDate, validToDate } = new X509Certificate(serving.cert);
    expect(validFromDate.getTime()).toBe(NOW - 5 * 60_000);
    expect(validToDate.getTime()).toBe(NOW + 30 * DAY_MS);
  });

  it('does not outlive its CA', async () => {
    const late = await issueServingCertificate(ca, NAMES, 30 * DAY_MS, NOW + 364 * DAY_MS);
    expect(new X509Certificate(late.cert).validToDate.getTime()).toBe(NOW + 365 * DAY_MS);
  });

  it('can end after 2049, where X.509 writes dates another way', async () => {
    const far = await createCa(40 * 365 * DAY_MS, NOW);
    expect(new X509Certificate(far.cert).validToDate.getTime()).toBe(NOW + 40 * 365 * DAY_MS);
  });

  it('has a serial number of its own with 126 random bits', async () => {
    const another = await issueServingCertificate(ca, NAMES, DAY_MS, NOW);
    const serials = [ca, serving, another].map((pair) => new X509Certificate(pair.cert).serialNumber);
    expect(new Set(serials).size).toBe(3);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('is told from one of another CA, of another key, and from what cannot be read', async () => {
    const other = await createCa(DAY_MS, NOW);
    expect(inspectServing(serving, other.cert, NAMES)).toMatchObject({ signedByCa: false });
    expect(inspectServing({ ...serving, key: other.key }, ca.cert, NAMES)).toMatchObject({ keyMatches: false });
    expect(inspectServing({ ...serving, key: 'nonsense' }, ca.cert, NAMES)).toBe('Unreadable');
    expect(inspectServing({ cert: 'nonsense', key: serving.key }, ca.cert, NAMES)).toBe('Unreadable');
    expect(inspectServing({}, ca.cert, NAMES)).toBe('Missing');
  });
});
