import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectServing } from '../../src/certificates/certificate-facts.ts';
import { CertificateFiles } from '../../src/certificates/certificate-files.ts';
import { systemClock } from '../../src/clock.ts';
import { writeDevelopmentCertificates } from './development-certificates.ts';
import { nobodyVerifies } from './known-trust.ts';

const names = ['localhost', '127.0.0.1', '::1'];
let directory: string;

beforeAll(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'development-certificates-')), 'certs');
  await writeDevelopmentCertificates(directory, names);
});

afterAll(() => rm(join(directory, '..'), { recursive: true }));

describe('certificates for development', () => {
  it('are what --tls-dir takes, and good for the names that were given', async () => {
    const report = () => undefined;
    const files = new CertificateFiles({ directory, clock: systemClock, trust: nobodyVerifies, report });
    expect(await files.refresh(new AbortController().signal)).toBe(true);
    const served = files.current()!;
    expect(inspectServing(served, served.caBundle, names)).toMatchObject({ signedByCa: true, coversNames: true });
  });

  it('keep their key from others', async () => {
    expect((await stat(join(directory, 'tls.key'))).mode & 0o077).toBe(0);
  });
});
