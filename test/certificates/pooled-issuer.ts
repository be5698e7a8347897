import { generateKeyPairSync } from 'node:crypto';
import { certificateIssuer, type CertificateIssuer } from '../../src/certificates/certificate-issuer.ts';

/** Makes certificates from few key pairs, which are what takes the time. */
export function pooledIssuer(size = 4): CertificateIssuer {
  const pool = Array.from({ length: size }, () =>
    generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    }),
  );
  let taken = 0;
  return certificateIssuer(() => Promise.resolve(pool[taken++ % size]!));
}
