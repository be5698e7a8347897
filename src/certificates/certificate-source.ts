import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import { CodedError, messageOf } from '../errors.ts';
import type { CertificateKeyPair } from './certificate-facts.ts';

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
  | { kind: 'written'; certificate: 'ca' | 'serving'; reason: string; expiresAt: number }
  | { kind: 'problem'; reason: string; detail: string };

export type ReportCertificate = (notice: CertificateNotice) => void;

export interface CertificateSourceOptions {
  clock: Clock;
  report: ReportCertificate;
  /** Between two looks, while all is well. */
  intervalMs: number;
}

const RETRY = { baseMs: 500, capMs: 5_000 };

/** Holds the serving certificate that is to be used now, and tells of every change. */
export abstract class CertificateSource {
  readonly #options: CertificateSourceOptions;
  readonly #listeners = new Set<(certificate: ServingCertificate) => void>();
  #current: ServingCertificate | undefined;
  #problem: string | undefined;
  #turn: Promise<boolean> = Promise.resolve(true);

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
      const pauseMs = failures === 0 ? this.#options.intervalMs : backOffMs(failures, RETRY);
      await this.#options.clock.sleep(pauseMs, signal).catch(() => undefined); // it rejects only when aborted
    }
  }

  /** Makes a certificate the current one and tells the listeners, unless it is that already. */
  protected publish(certificate: ServingCertificate): void {
    const { cert, key, caBundle } = this.#current ?? {};
    if (certificate.cert === cert && certificate.key === key && certificate.caBundle === caBundle) return;
    this.#current = certificate;
    for (const listener of this.#listeners) listener(certificate);
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
