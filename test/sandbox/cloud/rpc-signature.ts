import { createHmac } from 'node:crypto';
import { percentEncode } from './acs3-signature.ts';
import type { CloudRequest } from './cloud-request.ts';

/**
 * What the classic RPC style signs: the method and every parameter of query and form but the signature itself.
 * Source: https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism
 */
export function rpcStringToSign(request: CloudRequest): string {
  const parameters = [...request.query, ...request.form]
    .filter(([name]) => name !== 'Signature')
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return `${request.method}&${percentEncode('/')}&${percentEncode(parameters.join('&'))}`;
}

export function rpcSignature(stringToSign: string, accessKeySecret: string): string {
  return createHmac('sha1', `${accessKeySecret}&`).update(stringToSign).digest('base64');
}
