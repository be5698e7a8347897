import type { CloudCredentials } from '../openapi/cloud-credentials.ts';

/** The port through which every identity supplies credentials. */
export interface CredentialsProvider {
  /** Where the credentials come from, for logs: never a secret. */
  readonly source: string;
  /**
   * Whom the credentials stand for as things are now, to be compared and digested, not shown: it stays as it is from one session
   * to the next, and through a restart. Telling it takes no call of the cloud.
   */
  readonly account: string;
  /**
   * Credentials that live until `liveUntil` (milliseconds since the epoch) at least, where the identity can do that; else those
   * that live longest. They are alive when they are handed out.
   * @throws CredentialsError or CloudApiError when there are none, or the signal's reason.
   */
  credentials(liveUntil: number, signal: AbortSignal): Promise<CloudCredentials>;
  /** The cloud does not accept these credentials: they are not handed out again, if others can be had. */
  forget(credentials: CloudCredentials): void;
}
