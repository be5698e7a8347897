import type { X509Certificate } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { CertificateError } from './certificate-error.ts';
import { certificatesIn, inspectServing, isSignedBy } from './certificate-facts.ts';
import { CertificateSource, type ReportCertificate, type ServingCertificate } from './certificate-source.ts';
import { servingRotation } from './rotation-policy.ts';

export interface CertificateFilesOptions {
  /** Holds `tls.crt`, `tls.key` and `ca.crt`, as a mounted Secret of cert-manager does. */
  directory: string;
  clock: Clock;
  report: ReportCertificate;
}

/** A serving certificate that somebody else renews in a directory; files that do not fit together change nothing. */
export class CertificateFiles extends CertificateSource {
  readonly #directory: string;
  readonly #clock: Clock;

  constructor(options: CertificateFilesOptions) {
    super({ ...options, intervalMs: 10_000 });
    this.#directory = options.directory;
    this.#clock = options.clock;
  }

  protected override async update(): Promise<void> {
    const [cert, key, caBundle] = await this.#read();
    this.publish(checked({ cert, key, caBundle }, this.#clock.now()));
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
  const anchor = trustAnchorOf(files);
  if (!anchor) throw refused('OtherCa', 'nothing in ca.crt has signed the certificate in tls.crt');
  const rotation = servingRotation({ ...facts, signedByCa: true }, now);
  // One that is due is still good: renewing it is the business of whoever writes the files.
  if (rotation && rotation.reason !== 'Due') {
    throw refused(rotation.reason, `tls.crt cannot be used: ${rotation.message}`);
  }
  return { ...files, expiresAt: facts.expiresAt, caExpiresAt: anchor.validToDate.getTime() };
}

/** The certificate of ca.crt that tls.crt, which may bring intermediates along, leads to. */
function trustAnchorOf({ cert, caBundle }: { cert: string; caBundle: string }): X509Certificate | undefined {
  const chain = certificatesIn(cert);
  return certificatesIn(caBundle).find((ca) =>
    chain.some((link) => link.fingerprint256 === ca.fingerprint256 || isSignedBy(link, ca)),
  );
}

function refused(code: string, message: string, cause?: unknown): CertificateError {
  return new CertificateError(message, { code, retryable: true, cause });
}
