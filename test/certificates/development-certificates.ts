import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCa, issueServingCertificate } from '../../src/certificates/certificate-issuer.ts';

const YEAR_MS = 365 * 86_400_000;

/**
 * Writes `ca.crt`, `tls.crt` and `tls.key` for a service on the developer's machine, as `--tls-dir` reads them. The key of
 * the CA is thrown away: nothing else can be signed with what a developer may come to trust.
 */
export async function writeDevelopmentCertificates(directory: string, names: readonly string[]): Promise<void> {
  const now = Date.now();
  const ca = await createCa(YEAR_MS, now);
  const serving = await issueServingCertificate(ca, names, YEAR_MS, now);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'tls.key'), serving.key, { mode: 0o600 });
  await writeFile(join(directory, 'tls.crt'), serving.cert);
  await writeFile(join(directory, 'ca.crt'), ca.cert);
}

if (import.meta.main) {
  const [directory = 'certs', ...names] = process.argv.slice(2);
  await writeDevelopmentCertificates(directory, names);
  process.stdout.write(`${directory}: ca.crt, tls.crt and tls.key for ${names.join(', ')}, good for a year\n`);
}
