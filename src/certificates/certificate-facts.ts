import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { CertificateFacts, Inspection, ServingFacts } from './rotation-policy.ts';

/** A certificate and its private key, in PEM. */
export interface CertificateKeyPair {
  cert: string;
  key: string;
}

/** Every certificate in a PEM text, in its order; text between them and blocks that cannot be read are left out. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map(readCertificate).filter((certificate) => certificate !== undefined);
}

/** What the rotation policy wants to know of a CA. */
export function inspectCa(pair: Partial<CertificateKeyPair>): Inspection<CertificateFacts> {
  return inspect(pair, factsOf);
}

/** What the rotation policy wants to know of a serving certificate. */
export function inspectServing(
  pair: Partial<CertificateKeyPair>,
  caCert: string,
  names: readonly string[],
): Inspection<ServingFacts> {
  return inspect(pair, (certificate, key) => ({
    ...factsOf(certificate, key),
    signedByCa: certificatesIn(caCert).some((ca) => isSignedBy(certificate, ca)),
    coversNames: names.every((name) => covers(certificate, name)),
  }));
}

/** `ca` is the issuer that `certificate` names, and its key made the signature. */
export function isSignedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}

/** The certificate of `bundle` that the first one of `cert`, which may bring intermediates along, leads to. */
export function trustAnchorOf(cert: string, bundle: string): X509Certificate | undefined {
  const chain = certificatesIn(cert);
  return certificatesIn(bundle).find((ca) =>
    chain.some((link) => link.fingerprint256 === ca.fingerprint256 || isSignedBy(link, ca)),
  );
}

function inspect<Facts extends CertificateFacts>(
  { cert, key }: Partial<CertificateKeyPair>,
  facts: (certificate: X509Certificate, key: string) => Facts,
): Inspection<Facts> {
  if (!cert && !key) return 'Missing';
  const certificate = cert && certificatesIn(cert).at(0);
  if (!certificate || !key) return 'Unreadable';
  try {
    return facts(certificate, key);
  } catch {
    return 'Unreadable';
  }
}

/** Throws when the key cannot be read. */
function factsOf(certificate: X509Certificate, key: string): CertificateFacts {
  return {
    validFrom: certificate.validFromDate.getTime(),
    expiresAt: certificate.validToDate.getTime(),
    maySign: certificate.ca && certificate.publicKey.asymmetricKeyType === 'rsa',
    keyMatches: certificate.checkPrivateKey(createPrivateKey(key)),
  };
}

function covers(certificate: X509Certificate, name: string): boolean {
  const match = isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name, { subject: 'never' });
  return match !== undefined;
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
