import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, inject, it } from 'vitest';
import { shell } from '../e2e/kubectl-tools.ts';
import { expectDone, RELEASE, VERSION } from './node-bed.ts';
import { instructionsOf } from './readme-commands.ts';

const MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const MB = 1_000_000;

interface Manifest {
  config: { digest: string };
  layers: { digest: string; size: number }[];
}

interface ImageConfig {
  config: { User: string; Entrypoint: string[]; Cmd: string[]; Labels: Record<string, string> };
}

const repository = `http://${inject('openRegistry')}/v2/${RELEASE}`;
let manifest: Manifest;
let image: ImageConfig;

/** Pushed as the README says. */
beforeAll(async () => {
  const { commands } = instructionsOf('Install', { REGISTRY: inject('openRegistry') });
  const push = commands.filter((command) => /^(make image|docker push) /.test(command));
  expect(push).toHaveLength(2);
  expectDone(await shell(push.join('\n'), { kubeconfig: '', timeoutMs: 240_000 }, [inject('docker')]));
  const headers = { accept: MEDIA_TYPE };
  manifest = (await (await fetch(`${repository}/manifests/${VERSION}`, { headers })).json()) as Manifest;
  image = (await (await blob(manifest.config.digest)).json()) as ImageConfig;
});

async function blob(digest: string): Promise<Response> {
  return fetch(`${repository}/blobs/${digest}`);
}

/** The layers that the Dockerfile adds to its base, which here is one layer. */
async function ownFiles(): Promise<{ files: string[]; size: number }> {
  const [, ...own] = manifest.layers;
  const files: string[] = [];
  for (const { digest } of own) {
    const input = gunzipSync(await (await blob(digest)).arrayBuffer());
    const names = execFileSync('tar', ['--list'], { input, encoding: 'utf8' }).split('\n');
    files.push(...names.filter((name) => name !== '' && !name.endsWith('/')));
  }
  return { files, size: own.reduce((sum, { size }) => sum + size, 0) };
}

it('adds the bundle and its licences to its base, nothing else, and as little as the README says', async () => {
  const { files, size } = await ownFiles();
  expect(files.sort()).toEqual(['app/LICENSE', 'app/THIRD-PARTY-LICENSES', 'app/main.js']);
  const total = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
  const own = (size / MB).toFixed(1);
  console.log(`the image: ${own} MB compressed on top of its base, ${(total / MB).toFixed(1)} MB with this one`);
  const [, said] = /([\d.]+) MB compressed/.exec(readFileSync('README.md', 'utf8')) ?? [];
  expect(Math.abs(Number(said) - Number(own)), `the README says ${said} MB`).toBeLessThan(0.15);
});

it('runs as a user that is not root, by number, and says what it is', () => {
  const { User, Entrypoint, Cmd, Labels } = image.config;
  expect({ User, Entrypoint, Cmd }).toEqual({
    User: '65532:65532',
    Entrypoint: [
      'node',
      '--max-semi-space-size=16',
      '--heap-growing-percent=40',
      '--no-allocation-site-pretenuring',
      '--v8-pool-size=1',
      '/app/main.js',
    ],
    Cmd: ['serve'],
  });
  expect(Labels).toMatchObject({
    'org.opencontainers.image.title': RELEASE,
    'org.opencontainers.image.description': expect.any(String) as string,
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.version': VERSION,
    'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{7,}$/) as string,
  });
});
