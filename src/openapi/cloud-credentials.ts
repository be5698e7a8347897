/** Alibaba Cloud credentials: an AccessKey pair, or a session of the Security Token Service. */
export interface CloudCredentials {
  accessKeyId: string;
  accessKeySecret: string;
  /** Only with a session. */
  securityToken?: string;
  /** Milliseconds since the epoch; absent for an AccessKey pair, which does not expire. */
  expiresAt?: number;
}
