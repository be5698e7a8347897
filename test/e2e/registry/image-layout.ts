import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** What refers to a blob, here and in the image's manifest. */
interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** What is in an image, and what it does. */
export interface ImageContent {
  /** The one layer, a tar archive. */
  archive: Buffer;
  entrypoint: readonly string[];
}

const NOTHING: ImageContent = { archive: Buffer.alloc(1024), entrypoint: [] };

/**
 * Writes an image as an OCI layout, which skopeo reads as `oci:<directory>`.
 * @param label makes the image another one.
 * @returns the digest of its manifest, `sha256:…`.
 * Source: https://github.com/opencontainers/image-spec, image-layout.md and manifest.md
 */
export async function writeImageLayout(directory: string, label: string, content = NOTHING): Promise<string> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  const layer = await writeBlob(directory, 'layer.v1.tar+gzip', gzipSync(content.archive));
  const configuration = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { label }, Entrypoint: content.entrypoint },
    rootfs: { type: 'layers', diff_ids: [digestOf(content.archive)] },
  };
  const config = await writeBlob(directory, 'config.v1+json', JSON.stringify(configuration));
  const root = { schemaVersion: 2, mediaType: mediaType('manifest.v1+json'), config, layers: [layer] };
  const manifest = await writeBlob(directory, 'manifest.v1+json', JSON.stringify(root));
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return manifest.digest;
}

async function writeBlob(directory: string, kind: string, content: Buffer | string): Promise<Descriptor> {
  const digest = digestOf(content);
  await writeFile(join(directory, 'blobs', ...digest.split(':')), content);
  return { mediaType: mediaType(kind), digest, size: Buffer.byteLength(content) };
}

function mediaType(kind: string): string {
  return `application/vnd.oci.image.${kind}`;
}

function digestOf(content: Buffer | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
