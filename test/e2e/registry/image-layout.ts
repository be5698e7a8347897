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

/**
 * Writes an image with one empty layer as an OCI layout, which skopeo reads as `oci:<directory>`.
 * @param label makes the image another one.
 * @returns the digest of its manifest, `sha256:…`.
 * Source: https://github.com/opencontainers/image-spec, image-layout.md and manifest.md
 */
export async function writeImageLayout(directory: string, label: string): Promise<string> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  const emptyArchive = Buffer.alloc(1024);
  const layer = await writeBlob(directory, 'layer.v1.tar+gzip', gzipSync(emptyArchive));
  const configuration = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { label } },
    rootfs: { type: 'layers', diff_ids: [digestOf(emptyArchive)] },
  };
  const config = await writeBlob(directory, 'config.v1+json', JSON.stringify(configuration));
  const content = { schemaVersion: 2, mediaType: mediaType('manifest.v1+json'), config, layers: [layer] };
  const manifest = await writeBlob(directory, 'manifest.v1+json', JSON.stringify(content));
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
