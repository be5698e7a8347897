import type { Clock } from '../clock.ts';
import { caBundle, type CaRecord } from './ca-secret.ts';
import { CertificateAuthority, type CaStore } from './certificate-authority.ts';
import { inspectCa, inspectServing, type CertificateKeyPair } from './certificate-facts.ts';
import { issueServingCertificate } from './certificate-issuer.ts';
import { CertificateSource, type ReportCertificate } from './certificate-source.ts';
import { servingRotation } from './rotation-policy.ts';

export interface SelfManagedCertificatesOptions {
  store: CaStore;
  clock: Clock;
  /** The own namespace. */
  namespace: string;
  /** The DNS names and IP addresses that clients call the server by. */
  names: readonly string[];
  caLifetimeMs: number;
  certificateLifetimeMs: number;
  /** Whether this replica may write the CA. */
  leads(): boolean;
  report: ReportCertificate;
}

/**
 * A serving certificate of our own CA. The CA lives in a Secret that all replicas share; the serving certificate and its
 * key live in this process alone.
 */
export class SelfManagedCertificates extends CertificateSource {
  readonly #options: SelfManagedCertificatesOptions;
  readonly #authority: CertificateAuthority;
  #serving: Partial<CertificateKeyPair> = {};

  constructor(options: SelfManagedCertificatesOptions) {
    const shortestLifeMs = Math.min(options.caLifetimeMs, options.certificateLifetimeMs);
    super({ ...options, intervalMs: Math.min(60_000, shortestLifeMs / 20) });
    this.#options = options;
    this.#authority = new CertificateAuthority(options);
  }

  protected override async update(signal: AbortSignal): Promise<void> {
    try {
      await this.#authority.sync(signal);
    } finally {
      // An API server that is away is no reason to let the certificate expire: the CA in memory signs all the same.
      if (this.#authority.record) await this.#serve(this.#authority.record);
    }
  }

  async #serve(ca: CaRecord): Promise<void> {
    const { clock, names, certificateLifetimeMs, report } = this.#options;
    const now = clock.now();
    const rotation = servingRotation(inspectServing(this.#serving, ca.cert, names), now);
    if (rotation) this.#serving = await issueServingCertificate(ca, names, certificateLifetimeMs, now);
    const { cert = '', key = '' } = this.#serving;
    const expiresAt = expiryOf({ cert, key });
    this.publish({ cert, key, caBundle: caBundle(ca), expiresAt, caExpiresAt: expiryOf(ca) });
    if (rotation) report({ kind: 'written', certificate: 'serving', reason: rotation.reason, expiresAt });
  }
}

function expiryOf(pair: CertificateKeyPair): number {
  const state = inspectCa(pair);
  return typeof state === 'string' ? 0 : state.expiresAt;
}
