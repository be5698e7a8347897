import { createHash, createHmac } from 'node:crypto';
import { type CloudRequest, headerOf } from './cloud-request.ts';

/** What the Authorization header of an ACS3-HMAC-SHA256 request says. */
export interface Acs3Authorization {
  accessKeyId: string;
  signedHeaders: string[];
  signature: string;
}

/** The parts of a request that the signature is over. */
type SignedRequest = Pick<CloudRequest, 'method' | 'pathname' | 'headers' | 'body' | 'query'>;

const algorithm = 'ACS3-HMAC-SHA256';

export function parseAcs3Authorization(header: string): Acs3Authorization | undefined {
  const match = /^ACS3-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(header);
  const [, accessKeyId, signedHeaders, signature] = match ?? [];
  if (accessKeyId === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  return { accessKeyId, signedHeaders: signedHeaders.split(';'), signature };
}

/**
 * The canonical request that both sides hash, from what arrived.
 * Source: "Request syntax and signature method V3",
 * https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
 */
export function canonicalRequest(request: SignedRequest, signedHeaders: readonly string[]): string {
  const query = [...request.query].map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).sort();
  const headers = signedHeaders.map((name) => `${name}:${headerOf(request, name).trim()}\n`);
  return [
    request.method,
    request.pathname,
    query.join('&'),
    headers.join(''),
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
}

export function acs3Signature(canonical: string, accessKeySecret: string): string {
  return createHmac('sha256', accessKeySecret)
    .update(`${algorithm}\n${sha256(canonical)}`)
    .digest('hex');
}

/** The headers that must be among the signed ones: the host, the content type and every x-acs- header that is there. */
export function unsignedHeaders(request: CloudRequest, signedHeaders: readonly string[]): string[] {
  const mustBeSigned = (name: string) => name === 'host' || name === 'content-type' || name.startsWith('x-acs-');
  return Object.keys(request.headers).filter((name) => mustBeSigned(name) && !signedHeaders.includes(name));
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** RFC 3986: everything but letters, digits and `-_.~`. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
