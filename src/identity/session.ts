import type { CloudCredentials } from '../openapi/cloud-credentials.ts';

/** A session of the Security Token Service: credentials with an end. */
export interface Session extends CloudCredentials {
  securityToken: string;
  expiresAt: number;
}

/**
 * A session as the Security Token Service and the metadata service spell it.
 * @returns undefined when something is missing or is nothing of its kind.
 */
export function readSession(fields: unknown): Session | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined;
  const { AccessKeyId, AccessKeySecret, SecurityToken, Expiration } = fields as Record<string, unknown>;
  return sessionOf({
    accessKeyId: AccessKeyId,
    accessKeySecret: AccessKeySecret,
    securityToken: SecurityToken,
    expiration: Expiration,
  });
}

/** @param parts.expiration such as `2026-01-01T00:00:00Z`. @returns as {@link readSession} does. */
export function sessionOf(parts: {
  accessKeyId: unknown;
  accessKeySecret: unknown;
  securityToken: unknown;
  expiration: unknown;
}): Session | undefined {
  const { accessKeyId, accessKeySecret, securityToken, expiration } = parts;
  if (!isWord(accessKeyId) || !isWord(accessKeySecret) || !isWord(securityToken)) return undefined;
  const expiresAt = typeof expiration === 'string' ? Date.parse(expiration) : Number.NaN;
  return Number.isNaN(expiresAt) ? undefined : { accessKeyId, accessKeySecret, securityToken, expiresAt };
}

/** They become part of HTTP headers: printable ASCII, not empty. */
function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}
