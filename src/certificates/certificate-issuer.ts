import { generateKeyPair, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import forge from 'node-forge';
import type { CertificateKeyPair } from './certificate-facts.ts';
import { validityOf } from './rotation-policy.ts';

const generate = promisify(generateKeyPair);

/** What differs between the certificates made here; the extensions as node-forge spells them. */
interface CertificateRequest {
  commonName: string;
  lifetimeMs: number;
  extensions: object[];
  /** In PEM. */
  keys: { publicKey: string; privateKey: string };
}

export interface CertificateIssuer {
  /**
   * A self-signed CA that may sign serving certificates and no further CA. Its name holds the time of its making: two CAs
   * that live side by side can be told apart by eye.
   * Source of the extensions: RFC 5280, 4.2.1
   */
  createCa: (lifetimeMs: number, now: number) => Promise<CertificateKeyPair>;
  /**
   * A TLS server's certificate for `names` (DNS names and IP addresses), signed by `ca`; it does not outlive the CA.
   * About 5 ms of the event loop: keys and signatures are made by OpenSSL, only the encoding by node-forge.
   */
  issueServingCertificate: (
    ca: CertificateKeyPair,
    names: readonly string[],
    lifetimeMs: number,
    now: number,
  ) => Promise<CertificateKeyPair>;
}

/** A new RSA key pair, in PEM. */
export type GenerateKeys = () => Promise<{ publicKey: string; privateKey: string }>;

/** @param generateKeys what takes almost all of the time. */
export function certificateIssuer(generateKeys: GenerateKeys = rsaKeys): CertificateIssuer {
  return {
    createCa: async (lifetimeMs, now) => issue({ ...caRequest(now), lifetimeMs, keys: await generateKeys() }, now),
    issueServingCertificate: async (ca, names, lifetimeMs, now) =>
      issue({ ...servingRequest(names), lifetimeMs, keys: await generateKeys() }, now, ca),
  };
}

export const { createCa, issueServingCertificate } = certificateIssuer();

function rsaKeys() {
  return generate('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

function caRequest(now: number) {
  return {
    commonName: `acr-credential-injector CA ${new Date(now).toISOString()}`,
    extensions: [
      { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
      { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    ],
  };
}

function servingRequest(names: readonly string[]) {
  const altNames = names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name }));
  return {
    commonName: 'acr-credential-injector', // a host's name need not fit into the 64 characters of this field
    extensions: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  };
}

function issue(request: CertificateRequest, now: number, ca?: CertificateKeyPair): CertificateKeyPair {
  const { publicKey, privateKey } = request.keys;
  const certificate = forge.pki.createCertificate();
  const issuer = ca ? forge.pki.certificateFromPem(ca.cert) : certificate;
  const { validFrom, expiresAt } = validityOf(now, request.lifetimeMs, ca && issuer.validity.notAfter.getTime());
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = randomSerial();
  certificate.validity.notBefore = new Date(validFrom);
  certificate.validity.notAfter = new Date(expiresAt);
  certificate.setSubject([{ name: 'commonName', value: request.commonName }]);
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([
    ...request.extensions,
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  certificate.sign(nativeSigner(certificate, ca?.key ?? privateKey), forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n'), key: privateKey };
}

/** 126 random bits; the first byte keeps the DER integer positive and of one length. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** node-forge's own signature takes 20–40 ms of the event loop; OpenSSL's 1 ms. */
function nativeSigner(certificate: forge.pki.Certificate, keyPem: string): forge.pki.rsa.PrivateKey {
  return {
    ...forge.pki.privateKeyFromPem(keyPem),
    sign: () => {
      const der = forge.asn1.toDer(certificate.tbsCertificate).getBytes();
      return sign('sha256', Buffer.from(der, 'latin1'), keyPem).toString('latin1');
    },
  };
}
