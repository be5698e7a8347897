import type { Clock } from '../clock.ts';
import type { LoopGuard } from '../kube/loop-guard.ts';
import { caBundle, type CaRecord } from './ca-secret.ts';
import { CertificateAuthority, type CaStore } from './certificate-authority.ts';
import { CertificateError } from './certificate-error.ts';
import { inspectCa, inspectServing, type CertificateKeyPair } from './certificate-facts.ts';
import { certificateIssuer, type CertificateIssuer } from './certificate-issuer.ts';
import { CertificateSource, type ReportCertificate } from './certificate-source.ts';
import { servingRotation } from './rotation-policy.ts';
import type { Trust } from './trust.ts';

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
  leads: () => boolean;
  trust: Trust;
  loopGuard: Pick<LoopGuard, 'waitMs' | 'wrote'>;
  report: ReportCertificate;
  /** Default: one that makes RSA keys of 2048 bits. */
  issuer?: CertificateIssuer;
}

/** How late a clock that jumped may be noticed. */
const LONGEST_INTERVAL_MS = 10_000;

/**
 * A serving certificate of our own CA. The CA lives in a Secret that all replicas share; the serving certificate and its
 * key live in this process alone.
 */
export class SelfManagedCertificates extends CertificateSource {
  readonly #options: SelfManagedCertificatesOptions;
  readonly #issuer: CertificateIssuer;
  readonly #authority: CertificateAuthority;
  #serving: Partial<CertificateKeyPair> = {};

  constructor(options: SelfManagedCertificatesOptions) {
    const { caLifetimeMs, certificateLifetimeMs, issuer = certificateIssuer() } = options;
    super({ ...options, intervalMs: Math.min(LONGEST_INTERVAL_MS, caLifetimeMs / 20, certificateLifetimeMs / 20) });
    this.#options = options;
    this.#issuer = issuer;
    this.#authority = new CertificateAuthority({ ...options, issuer });
  }

  override async run(signal: AbortSignal): Promise<void> {
    await Promise.all([super.run(signal), this.#options.store.watch(() => this.look(), signal)]);
  }

  protected override async update(signal: AbortSignal): Promise<void> {
    try {
      await this.#authority.sync(signal);
    } finally {
      // An API server that is away is no reason to let the certificate expire: the CA in memory signs all the same.
      if (this.#authority.record) await this.#serve(this.#authority.record);
    }
  }

  async #serve(record: CaRecord): Promise<void> {
    const { clock, names, certificateLifetimeMs, report } = this.#options;
    const { signing } = record;
    const now = clock.now();
    if (now >= expiryOf(signing)) {
      throw new CertificateError('the CA has expired, and nobody has made another', {
        code: 'CaExpired',
        retryable: true,
      });
    }
    const rotation = servingRotation(inspectServing(this.#serving, signing.cert, names), now);
    if (rotation) {
      this.#serving = await this.#issuer.issueServingCertificate(signing, names, certificateLifetimeMs, now);
    }
    const { cert = '', key = '' } = this.#serving;
    const expiresAt = expiryOf({ cert, key });
    this.offer({ cert, key, caBundle: caBundle(record), expiresAt, caExpiresAt: expiryOf(signing) });
    if (rotation) report({ kind: 'written', certificate: 'serving', reason: rotation.reason, expiresAt });
  }
}

function expiryOf(pair: CertificateKeyPair): number {
  const state = inspectCa(pair);
  return typeof state === 'string' ? 0 : state.expiresAt;
}
