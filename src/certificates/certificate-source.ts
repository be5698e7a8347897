import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import { CodedError, messageOf } from '../errors.ts';
import { certificatesIn, trustAnchorOf, type CertificateKeyPair } from './certificate-facts.ts';
import { maySwap, type Presentable } from './rotation-policy.ts';
import { isTrusted, type Trust } from './trust.ts';

/** What an HTTPS server presents (`cert` with the leaf first), and what its clients verify it with. PEM. */
export interface ServingCertificate extends CertificateKeyPair {
  /** One or more CA certificates. */
  caBundle: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** The end of the CA that signed it, in milliseconds since the epoch. */
  caExpiresAt: number;
}

/** Something to log; a problem is said once, not at every try. */
export type CertificateNotice =
  | { kind: 'written'; certificate: 'ca' | 'next ca' | 'serving'; reason: string; expiresAt: number }
  | { kind: 'problem'; reason: string; detail: string };

export type ReportCertificate = (notice: CertificateNotice) => void;

export interface CertificateSourceOptions {
  clock: Clock;
  trust: Pick<Trust, 'bundles'>;
  report: ReportCertificate;
  /** Between two looks, while all is well. */
  intervalMs: number;
}

const LONGEST_RETRY_MS = 5_000;
/** Looks that somebody asks for are no closer together, however often the Secret changes. */
const SHORTEST_PAUSE_MS = 200;

/** Holds the serving certificate that is to be used now, and tells of every change. */
export abstract class CertificateSource {
  readonly #options: CertificateSourceOptions;
  readonly #listeners = new Set<(certificate: ServingCertificate) => void>();
  #current: ServingCertificate | undefined;
  #problem: string | undefined;
  #turn: Promise<boolean> = Promise.resolve(true);
  #wake = new AbortController();

  protected constructor(options: CertificateSourceOptions) {
    this.#options = options;
  }

  /** Looks for a newer certificate and publishes it; throws when something is wrong, having published what it could. */
  protected abstract update(signal: AbortSignal): Promise<void>;

  /** The last good certificate; undefined until there has been one. */
  current(): ServingCertificate | undefined {
    return this.#current;
  }

  /** Calls `listener` with every later certificate or bundle. Returns what ends that. */
  onChange(listener: (certificate: ServingCertificate) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks once, after any look that is under way. Never rejects: resolves to whether all is well, and reports. */
  refresh(signal: AbortSignal): Promise<boolean> {
    this.#turn = this.#turn.then(() => this.#look(signal));
    return this.#turn;
  }

  /** Looks again and again until `signal` fires; sooner where something is wrong. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      failures = (await this.refresh(signal)) ? 0 : failures + 1;
      await this.#pause(failures === 0 ? this.#options.intervalMs : this.#retryMs(failures), signal);
    }
  }

  #retryMs(failures: number): number {
    const capMs = Math.min(LONGEST_RETRY_MS, this.#options.intervalMs);
    return backOffMs(failures, { baseMs: capMs / 10, capMs });
  }

  /** Something may have changed: ends the pause between two looks. */
  look(): void {
    this.#wake.abort();
  }

  /** Does the bundle, in PEM, verify what is served now? */
  isVerifiedBy(bundle: string): boolean {
    return this.#current !== undefined && trustAnchorOf(this.#current.cert, bundle) !== undefined;
  }

  /**
   * Makes the bundle the current one, and the certificate as soon as the API server is known to accept it; tells the listeners
   * of what is new. To be called at every look, so that a certificate that had to wait is taken.
   */
  protected offer(offered: ServingCertificate): void {
    const inUse = this.#current;
    const waits = inUse && inUse.cert !== offered.cert && !this.#maySwap(inUse, offered);
    const certificate = waits ? { ...inUse, caBundle: offered.caBundle } : offered;
    if (inUse && isSame(inUse, certificate)) return;
    this.#current = certificate;
    for (const listener of this.#listeners) listener(certificate);
  }

  #maySwap(inUse: ServingCertificate, offered: ServingCertificate): boolean {
    return maySwap(this.#seen(inUse), this.#seen(offered), this.#options.clock.now());
  }

  #seen({ cert, expiresAt }: ServingCertificate): Presentable {
    const validFrom = certificatesIn(cert).at(0)?.validFromDate.getTime() ?? 0;
    return { validFrom, expiresAt, isTrusted: isTrusted(cert, this.#options.trust) };
  }

  /** The first moments cannot be cut short. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const ignoreAbort = () => undefined; // it rejects only when aborted
    await clock.sleep(Math.min(ms, SHORTEST_PAUSE_MS), signal).catch(ignoreAbort);
    const rest = AbortSignal.any([signal, this.#wake.signal]);
    if (ms > SHORTEST_PAUSE_MS) await clock.sleep(ms - SHORTEST_PAUSE_MS, rest).catch(ignoreAbort);
    this.#wake = new AbortController();
  }

  async #look(signal: AbortSignal): Promise<boolean> {
    try {
      await this.update(signal);
      this.#problem = undefined;
      return true;
    } catch (error) {
      if (!signal.aborted) this.#reportOnce(error);
      return false;
    }
  }

  #reportOnce(error: unknown): void {
    const detail = messageOf(error);
    if (detail === this.#problem) return;
    this.#problem = detail;
    this.#options.report({ kind: 'problem', reason: error instanceof CodedError ? error.code : 'Unexpected', detail });
  }
}

function isSame(one: ServingCertificate, other: ServingCertificate): boolean {
  return one.cert === other.cert && one.key === other.key && one.caBundle === other.caBundle;
}
