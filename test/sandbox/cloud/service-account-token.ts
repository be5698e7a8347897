/** A ServiceAccount's token as kubelet projects it; the emulator reads its claims and believes its signature. */
export function serviceAccountToken(claims: { aud?: string | string[]; sub?: string; exp?: number }): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: 'emulated' })}.${part(claims)}.signature`;
}
