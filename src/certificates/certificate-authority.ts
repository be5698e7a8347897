import type { Clock } from '../clock.ts';
import type { Secret } from '../kube/objects.ts';
import { caSecret, holdsSameCa, parseCaSecret, trusting, type CaRecord, type ParsedCaSecret } from './ca-secret.ts';
import { CertificateError } from './certificate-error.ts';
import { inspectCa, type CertificateKeyPair } from './certificate-facts.ts';
import { createCa } from './certificate-issuer.ts';
import type { ReportCertificate } from './certificate-source.ts';
import { caRotation, type Rotation } from './rotation-policy.ts';

/** Where the CA's Secret is kept. */
export interface CaStore {
  /** Undefined when there is none. */
  load(signal: AbortSignal): Promise<Secret | undefined>;
  /**
   * Replaces exactly the version in `metadata.resourceVersion`, or creates the Secret if it has none.
   * Resolves to false, having changed nothing, when another writer came first.
   */
  save(secret: Secret, signal: AbortSignal): Promise<boolean>;
}

export interface CertificateAuthorityOptions {
  store: CaStore;
  clock: Clock;
  /** The own namespace. */
  namespace: string;
  caLifetimeMs: number;
  /** Only the leader creates, repairs and renews the CA; the others take what they find. */
  leads(): boolean;
  report: ReportCertificate;
}

const WRITE_ATTEMPTS = 3;

/** Keeps the CA in its Secret and knows the one that signs now. */
export class CertificateAuthority {
  readonly #options: CertificateAuthorityOptions;
  #record: CaRecord | undefined;

  constructor(options: CertificateAuthorityOptions) {
    this.#options = options;
  }

  /** The last CA that was found or written in its Secret. */
  get record(): CaRecord | undefined {
    return this.#record;
  }

  /**
   * Reads the Secret and, as the leader, writes it if it is missing, damaged or due.
   * @throws CertificateError, and what the store throws.
   */
  async sync(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
      const stored = await this.#options.store.load(signal);
      const parsed = parseCaSecret(stored);
      if (!this.#options.leads()) {
        this.#follow(parsed);
        return;
      }
      if (await this.#lead(stored, parsed, signal)) return;
    }
    throw new CertificateError('others keep changing the Secret of the CA', { code: 'CaContended', retryable: true });
  }

  #follow({ record, state }: ParsedCaSecret): void {
    if (record) {
      this.#record = record;
      return;
    }
    const missing = state === 'Missing';
    throw new CertificateError(missing ? 'no CA has been made yet' : 'the Secret of the CA is damaged', {
      code: missing ? 'CaMissing' : 'CaDamaged',
      retryable: true,
    });
  }

  /** Resolves to false when another writer came first. */
  async #lead(stored: Secret | undefined, parsed: ParsedCaSecret, signal: AbortSignal): Promise<boolean> {
    const now = this.#options.clock.now();
    const rotation = caRotation(parsed.state, now);
    const pair = rotation || !parsed.record ? await this.#replacement(parsed, now) : parsed.record;
    const remembered = this.#record ? [this.#record.cert, ...this.#record.alsoTrusted] : [];
    const record = trusting(pair, [...parsed.readable, ...remembered], now);
    const wanted = caSecret(record, this.#options.namespace, stored);
    if (!holdsSameCa(stored, wanted)) {
      if (!(await this.#options.store.save(wanted, signal))) return false;
      this.#reportWritten(record, rotation);
    }
    this.#record = record;
    return true;
  }

  /** A Secret that was deleted or damaged gets back the CA that everybody already trusts, if that is still good. */
  async #replacement({ record }: ParsedCaSecret, now: number): Promise<CertificateKeyPair> {
    const remembered = this.#record;
    if (!record && remembered && !caRotation(inspectCa(remembered), now)) return remembered;
    return createCa(this.#options.caLifetimeMs, now);
  }

  #reportWritten(record: CaRecord, rotation: Rotation | null): void {
    const state = inspectCa(record);
    this.#options.report({
      kind: 'written',
      certificate: 'ca',
      reason: rotation?.reason ?? 'BundleChanged',
      expiresAt: typeof state === 'string' ? 0 : state.expiresAt,
    });
  }
}
