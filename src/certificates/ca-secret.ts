import type { X509Certificate } from 'node:crypto';
import type { Secret } from '../kube/objects.ts';
import { certificatesIn, inspectCa, type CertificateKeyPair } from './certificate-facts.ts';
import type { CertificateFacts, Inspection } from './rotation-policy.ts';

export const CA_SECRET_NAME = 'acr-credential-injector-ca';

/** The CAs as they are kept. Whoever verifies trusts all of them. */
export interface CaRecord {
  /** Signs serving certificates. */
  signing: CertificateKeyPair;
  /** Is to be known everywhere before it signs. */
  next?: CertificateKeyPair;
  /** PEM, a certificate an element: CAs that have signed, until they expire. */
  alsoTrusted: readonly string[];
}

/** A pair of the Secret; `pair` is there if it is a CA's with its key, whether or not it should still be used. */
export interface FoundCa {
  state: Inspection<CertificateFacts>;
  pair?: CertificateKeyPair;
}

/** What was found in the Secret. */
export interface ParsedCaSecret {
  signing: FoundCa;
  next: FoundCa;
  /** Every CA certificate that can still be read: certificates signed by them may be in use. */
  readable: readonly string[];
}

/** The PEM bundle to verify with. Oldest first: which of them signs changes no byte of it. */
export function caBundle({ signing, next, alsoTrusted }: CaRecord): string {
  const all = caCertificatesIn([signing.cert, next?.cert ?? '', ...alsoTrusted].join('\n'));
  return all.sort(byAge).map(String).join('');
}

/** Reads the Secret; nothing in it can make this throw. */
export function parseCaSecret(secret: Secret | undefined): ParsedCaSecret {
  const text = (name: string) => decode(secret?.data?.[name]);
  const [signing, next] = [
    { cert: text('tls.crt'), key: text('tls.key') },
    { cert: text('next.crt'), key: text('next.key') },
  ];
  const readable = caCertificatesIn([signing.cert, next.cert, text('ca.crt')].join('\n'));
  return { signing: found(signing), next: found(next), readable: readable.map(String) };
}

/** What the Secret is to hold at `now`: the pairs, and of `trusted` (PEM, a certificate an element) what is still valid. */
export function caRecord(pairs: Omit<CaRecord, 'alsoTrusted'>, trusted: readonly string[], now: number): CaRecord {
  const live = certificatesIn(trusted.join('\n')).filter((certificate) => certificate.validToDate.getTime() > now);
  const others = new Set(live.map(String));
  others.delete(pairs.signing.cert);
  if (pairs.next) others.delete(pairs.next.cert);
  return { ...pairs, alsoTrusted: [...others] };
}

/**
 * The Secret that holds the record.
 * @param stored what is there now: its version becomes the write's precondition, others' labels and annotations stay.
 */
export function caSecret(record: CaRecord, namespace: string, stored?: Secret): Secret {
  const { labels, annotations, resourceVersion } = stored?.metadata ?? {};
  const { signing, next } = record;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: CA_SECRET_NAME,
      namespace,
      labels: { ...labels, 'app.kubernetes.io/managed-by': 'acr-credential-injector' },
      ...(annotations && { annotations }),
      ...(resourceVersion && { resourceVersion }),
    },
    type: 'Opaque',
    data: {
      'tls.crt': encode(signing.cert),
      'tls.key': encode(signing.key),
      // Empty where there is none: server-side apply takes no key away that somebody else has written, too.
      'next.crt': encode(next?.cert ?? ''),
      'next.key': encode(next?.key ?? ''),
      'ca.crt': encode(caBundle(record)),
    },
  };
}

/** The stored Secret already says what `wanted` says. */
export function holdsSameCa(stored: Secret | undefined, wanted: Secret): boolean {
  return Object.entries(wanted.data ?? {}).every(([name, value]) => stored?.data?.[name] === value);
}

function found(pair: Partial<CertificateKeyPair>): FoundCa {
  const state = inspectCa(pair);
  const [cert] = caCertificatesIn(pair.cert ?? '');
  if (!cert || !pair.key || typeof state === 'string' || !state.maySign || !state.keyMatches) return { state };
  return { state, pair: { cert: cert.toString(), key: pair.key } };
}

function caCertificatesIn(pem: string): X509Certificate[] {
  const certificates = certificatesIn(pem).filter((certificate) => certificate.ca);
  return [...new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate])).values()];
}

function byAge(one: X509Certificate, other: X509Certificate): number {
  const olderBy = one.validFromDate.getTime() - other.validFromDate.getTime();
  return olderBy !== 0 ? olderBy : one.fingerprint256.localeCompare(other.fingerprint256, 'en');
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decode(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}
