import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { CertificateError } from './certificate-error.ts';
import { inspectServing, trustAnchorOf } from './certificate-facts.ts';
import { CertificateSource, type ReportCertificate, type ServingCertificate } from './certificate-source.ts';
import { servingRotation } from './rotation-policy.ts';
import type { Trust } from './trust.ts';

export interface CertificateFilesOptions {
  /**
   * Holds `tls.crt`, `tls.key` and `ca.crt`, as a mounted Secret of cert-manager does. Nothing can stand in for `ca.crt`: the
   * API server verifies with what is registered, and issuers that give none make no certificates for a Service's name.
   */
  directory: string;
  clock: Clock;
  trust: Pick<Trust, 'bundles'>;
  report: ReportCertificate;
}

/** A bundle is replaced in one replica's directory sooner than in another's: kubelet takes up to about two minutes. */
const FORMER_BUNDLE_MS = 10 * 60_000;

/** A serving certificate that somebody else renews in a directory; files that do not fit together change nothing. */
export class CertificateFiles extends CertificateSource {
  readonly #directory: string;
  readonly #clock: Clock;
  #bundle = '';
  #former = { bundle: '', until: 0 };

  constructor(options: CertificateFilesOptions) {
    super({ ...options, intervalMs: 10_000 });
    this.#directory = options.directory;
    this.#clock = options.clock;
  }

  protected override async update(): Promise<void> {
    const [cert, key, caBundle] = await this.#read();
    const now = this.#clock.now();
    const certificate = checked({ cert, key, caBundle }, now);
    this.offer({ ...certificate, caBundle: this.#withFormer(caBundle, now) });
  }

  /** The bundle and, for a while, the one before it: other replicas may still serve what that one verifies. */
  #withFormer(bundle: string, now: number): string {
    if (bundle !== this.#bundle) {
      if (this.#bundle !== '') this.#former = { bundle: this.#bundle, until: now + FORMER_BUNDLE_MS };
      this.#bundle = bundle;
    }
    return now < this.#former.until ? `${bundle}\n${this.#former.bundle}` : bundle;
  }

  async #read(): Promise<[string, string, string]> {
    const directory = await snapshotOf(this.#directory);
    const read = (name: string) => readFile(join(directory, name), 'utf8');
    try {
      return await Promise.all([read('tls.crt'), read('tls.key'), read('ca.crt')]);
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw refused('TlsFilesUnreadable', `tls.crt, tls.key and ca.crt cannot all be read: ${code}`, error);
    }
  }
}

/**
 * A mounted Secret is a link `..data` to a directory with one version of all its files: following it first keeps the
 * three reads from straddling an update.
 */
function snapshotOf(directory: string): Promise<string> {
  return realpath(join(directory, '..data')).catch(() => directory);
}

function checked(files: { cert: string; key: string; caBundle: string }, now: number): ServingCertificate {
  const facts = inspectServing(files, files.caBundle, []);
  if (typeof facts === 'string') throw refused(facts, 'tls.crt or tls.key holds no certificate or key');
  const anchor = trustAnchorOf(files.cert, files.caBundle);
  if (!anchor) throw refused('OtherCa', 'nothing in ca.crt has signed the certificate in tls.crt');
  const rotation = servingRotation({ ...facts, signedByCa: true }, now);
  // One that is due is still good: renewing it is the business of whoever writes the files.
  if (rotation && rotation.reason !== 'Due') {
    throw refused(rotation.reason, `tls.crt cannot be used: ${rotation.message}`);
  }
  assertServable(files);
  return { ...files, expiresAt: facts.expiresAt, caExpiresAt: anchor.validToDate.getTime() };
}

/** OpenSSL is stricter than what read the certificate: a small key or a damaged intermediate is refused here, not by the server. */
function assertServable({ cert, key }: { cert: string; key: string }): void {
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw refused('Unservable', `no server can present tls.crt with tls.key: ${messageOf(error)}`, error);
  }
}

function refused(code: string, message: string, cause?: unknown): CertificateError {
  return new CertificateError(message, { code, retryable: true, cause });
}
