import type { Secret } from '../kube/objects.ts';
import { certificatesIn, inspectCa, type CertificateKeyPair } from './certificate-facts.ts';
import type { CertificateFacts, Inspection } from './rotation-policy.ts';

export const CA_SECRET_NAME = 'acr-credential-injector-ca';

/**
 * The CA as it is kept. `cert` and `key` sign; whoever verifies trusts `cert` and everything in `alsoTrusted`: older CAs
 * until they expire, and a coming one that is to be known everywhere before it signs.
 */
export interface CaRecord extends CertificateKeyPair {
  /** PEM, a certificate an element. */
  alsoTrusted: readonly string[];
}

/** What was found in the Secret; `record` is there if the pair can be read, whether or not it should still be used. */
export interface ParsedCaSecret {
  record?: CaRecord;
  state: Inspection<CertificateFacts>;
  /** Every CA certificate that can still be read: certificates signed by them may be in use. */
  readable: readonly string[];
}

/** The PEM bundle to verify with: the CA that signs, then the others. */
export function caBundle(record: CaRecord): string {
  return [record.cert, ...record.alsoTrusted].join('');
}

/** Reads the Secret; nothing in it can make this throw. */
export function parseCaSecret(secret: Secret | undefined): ParsedCaSecret {
  const [cert, key, bundle] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => decode(secret?.data?.[name]));
  const state = inspectCa({ cert, key });
  const readable = caCertificatesIn(`${cert ?? ''}\n${bundle ?? ''}`);
  const [first, ...others] = readable;
  const usable = first && key && typeof state !== 'string' && state.maySign && state.keyMatches;
  return { state, readable, record: usable ? { cert: first, key, alsoTrusted: others } : undefined };
}

/**
 * The record without the certificates that have expired, and with others to trust: what the Secret is to hold at `now`.
 * @param alsoTrusted PEM, a certificate an element; duplicates are dropped.
 */
export function trusting(record: CertificateKeyPair, alsoTrusted: readonly string[], now: number): CaRecord {
  const live = certificatesIn(alsoTrusted.join('\n')).filter((certificate) => certificate.validToDate.getTime() > now);
  const others = new Set(live.map((certificate) => certificate.toString()));
  others.delete(record.cert);
  return { cert: record.cert, key: record.key, alsoTrusted: [...others] };
}

/**
 * The Secret that holds the record.
 * @param stored what is there now: its version becomes the write's precondition, others' labels and annotations stay.
 */
export function caSecret(record: CaRecord, namespace: string, stored?: Secret): Secret {
  const { labels, annotations, resourceVersion } = stored?.metadata ?? {};
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
      'tls.crt': encode(record.cert),
      'tls.key': encode(record.key),
      'ca.crt': encode(caBundle(record)),
    },
  };
}

/** The stored Secret already says what `wanted` says. */
export function holdsSameCa(stored: Secret | undefined, wanted: Secret): boolean {
  return Object.entries(wanted.data ?? {}).every(([name, value]) => stored?.data?.[name] === value);
}

function caCertificatesIn(pem: string): string[] {
  const certificates = certificatesIn(pem).filter((certificate) => certificate.ca);
  return [...new Set(certificates.map((certificate) => certificate.toString()))];
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decode(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}
