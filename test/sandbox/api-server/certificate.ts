import { generateKeyPairSync, randomBytes } from 'node:crypto';
import forge from 'node-forge';

export interface ServerCertificate {
  /** PEM, both. */
  key: string;
  cert: string;
}

const dayMs = 24 * 3600 * 1000;
let made: ServerCertificate | undefined;

/** A self-signed certificate for loopback; one for the whole process, as making the key is what takes the time. */
export function loopbackCertificate(): ServerCertificate {
  return (made ??= selfSignedCertificate(['localhost']));
}

/** A certificate that is its own authority, for 127.0.0.1 and these names, valid for a month. */
export function selfSignedCertificate(names: string[]): ServerCertificate {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const key = forge.pki.privateKeyFromPem(privateKey);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.rsa.setPublicKey(key.n, key.e);
  certificate.serialNumber = `01${randomBytes(16).toString('hex')}`; // no leading zeros, which DER forbids
  certificate.validity.notBefore = new Date(Date.now() - 60_000);
  certificate.validity.notAfter = new Date(Date.now() + 30 * dayMs);
  const subject = [{ name: 'commonName', value: 'sandbox' }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    { name: 'keyUsage', keyCertSign: true, digitalSignature: true, keyEncipherment: true },
    {
      name: 'subjectAltName',
      altNames: [{ type: 7, ip: '127.0.0.1' }, ...names.map((value) => ({ type: 2, value }))],
    },
  ]);
  certificate.sign(key, forge.md.sha256.create());
  return { key: privateKey, cert: forge.pki.certificateToPem(certificate) };
}
