/** Alibaba Cloud credentials: an AccessKey pair, or a session of the Security Token Service. */
export interface CloudCredentials {
  accessKeyId: string;
  accessKeySecret: string;
  /** Only with a session. */
  securityToken?: string;
  /** Milliseconds since the epoch; absent for an AccessKey pair, which does not expire. */
  expiresAt?: number;
}

/** The port through which every identity supplies credentials. */
export interface CredentialsProvider {
  /** Where the credentials come from, for logs: never a secret. */
  readonly source: string;
  /**
   * Credentials that live until `liveUntil` (milliseconds since the epoch) at least, where the identity can do that.
   * @throws CredentialsError when there are none.
   */
  credentials(liveUntil: number, signal: AbortSignal): Promise<CloudCredentials>;
}
