import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { CredentialsError } from '../errors.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { CredentialsProvider } from './credentials-provider.ts';
import { OwnedSession } from './owned-session.ts';
import type { Session } from './session.ts';
import type { StsClient } from './sts-client.ts';

/** Codes of the CredentialsErrors thrown here. */
export const rrsaErrorCodes = {
  /** The entry does not say which role. */
  unconfigured: 'RrsaRoleUnconfigured',
  /** There is no ServiceAccount token in the file. */
  tokenMissing: 'RrsaTokenMissing',
} as const;

export interface RrsaRoleOptions {
  /** As the entry of the configuration has them; what is absent is told when credentials are asked for. */
  roleArn: string | undefined;
  oidcProviderArn: string | undefined;
  durationSeconds: number;
  /** Where kubelet keeps the projected ServiceAccount token. */
  tokenFile: string;
  sts: Pick<StsClient, 'assumeRoleWithOidc'>;
  clock: Clock;
  onNotRenewed: (source: string, error: unknown, retryInMs: number) => void;
}

/** Where the token is: `ALIBABA_CLOUD_OIDC_TOKEN_FILE`, or the path that ACK's own webhook mounts it at. */
export function rrsaTokenFile(environment: Readonly<Record<string, string | undefined>>): string {
  const { ALIBABA_CLOUD_OIDC_TOKEN_FILE: named = '' } = environment;
  return named === '' ? '/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token' : named;
}

/**
 * RAM Roles for Service Accounts: a role that is assumed with the ServiceAccount's own token, which kubelet renews in its file.
 * Source: https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/use-rrsa-to-authorize-pods-to-access-different-cloud-services
 */
export class RrsaRole implements CredentialsProvider {
  readonly #options: RrsaRoleOptions;
  readonly #session: OwnedSession;

  constructor(options: RrsaRoleOptions) {
    this.#options = options;
    const { clock, onNotRenewed } = options;
    this.#session = new OwnedSession({
      open: (signal) => this.#open(signal),
      clock,
      onNotRenewed: (error, retryInMs) => onNotRenewed(this.source, error, retryInMs),
    });
  }

  get source(): string {
    return `RRSA role ${this.#options.roleArn ?? ''}`;
  }

  get account(): string {
    const { roleArn, oidcProviderArn } = this.#options;
    return JSON.stringify(['rrsa', roleArn, oidcProviderArn]);
  }

  credentials(liveUntil: number, signal: AbortSignal): Promise<CloudCredentials> {
    return this.#session.session(liveUntil, signal);
  }

  forget(credentials: CloudCredentials): void {
    this.#session.forget(credentials);
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const { sts, roleArn, oidcProviderArn, durationSeconds } = this.#options;
    if (!roleArn || !oidcProviderArn) {
      const message = 'no RRSA role: the entry of acr-registry-info lacks rrsaRoleARN or rrsaOIDCProviderRoleARN';
      throw new CredentialsError(message, { code: rrsaErrorCodes.unconfigured, retryable: false });
    }
    const token = await this.#readToken(signal);
    return sts.assumeRoleWithOidc({ roleArn, oidcProviderArn, durationSeconds }, token, signal);
  }

  async #readToken(signal: AbortSignal): Promise<string> {
    const { tokenFile } = this.#options;
    const read = readFile(tokenFile, { encoding: 'utf8', signal });
    const token = await read.catch((error: unknown) => {
      signal.throwIfAborted();
      throw tokenMissing(tokenFile, String((error as { code?: unknown }).code));
    });
    if (token.trim() === '') throw tokenMissing(tokenFile, 'it is empty');
    return token.trim();
  }
}

function tokenMissing(file: string, why: string): CredentialsError {
  const message =
    `no ServiceAccount token in ${file} (${why}): mount one with the audience sts.aliyuncs.com there, ` +
    'or name its file in ALIBABA_CLOUD_OIDC_TOKEN_FILE';
  return new CredentialsError(message, { code: rrsaErrorCodes.tokenMissing, retryable: true });
}
