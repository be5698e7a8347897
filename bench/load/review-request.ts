import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'admission-reviews');

/** Reviews as an API server sent them. */
export const capturedReviews = {
  ServiceAccount: 'serviceaccount-create-by-helm.json',
  Pod: 'pod-create-by-replicaset.json',
} as const;
export type ReviewedKind = keyof typeof capturedReviews;

/** The namespace that the captured reviews are of. */
export const REVIEWED_NAMESPACE = 'team-a';

/** A whole HTTP request, as the API server writes it. */
export async function reviewRequest(kind: ReviewedKind, connection: 'keep-alive' | 'close'): Promise<Buffer> {
  const body = (await readFile(join(FOLDER, capturedReviews[kind]), 'utf8')).trim();
  const head = [
    'POST /mutate?timeout=10s HTTP/1.1',
    'Host: acr-credential-injector.kube-system.svc:443',
    'User-Agent: kube-apiserver-admission',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Accept: application/json, */*',
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
    ...(connection === 'close' ? ['Connection: close'] : []),
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
