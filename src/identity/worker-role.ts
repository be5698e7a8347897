import type { Clock } from '../clock.ts';
import { CodedError, CredentialsError, messageOf } from '../errors.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { CredentialsProvider } from './credentials-provider.ts';
import { GivenSession } from './given-session.ts';
import { metadataErrorCodes, type MetadataService } from './metadata-service.ts';
import { readSession, type Session } from './session.ts';

export interface WorkerRoleOptions {
  metadata: Pick<MetadataService, 'read'>;
  clock: Clock;
  onNotRenewed: (source: string, error: unknown) => void;
  /** Where else credentials were looked for in vain, when this identity was chosen for want of them. */
  insteadOf?: () => string;
}

/** Codes of the CredentialsErrors thrown here. */
export const workerRoleErrorCodes = {
  unavailable: 'WorkerRoleUnavailable',
  /** Nor is there anything else. */
  nothingAnywhere: 'CredentialsMissing',
} as const;

const rolesPath = '/latest/meta-data/ram/security-credentials/';

/**
 * The RAM role of the ECS instance that this process runs on, from the metadata service, which renews its session.
 * Source: https://www.alibabacloud.com/help/en/ecs/user-guide/attach-an-instance-ram-role-to-an-ecs-instance
 */
export class WorkerRole implements CredentialsProvider {
  readonly source = "the node's RAM role";
  readonly account = 'workerRole';
  readonly #options: WorkerRoleOptions;
  readonly #session: GivenSession;

  constructor(options: WorkerRoleOptions) {
    this.#options = options;
    const { clock, onNotRenewed } = options;
    this.#session = new GivenSession({
      read: (signal) => this.#read(signal),
      clock,
      onNotRenewed: (error) => onNotRenewed(this.source, error),
    });
  }

  credentials(_liveUntil: number, signal: AbortSignal): Promise<CloudCredentials> {
    return this.#session.session(signal);
  }

  forget(credentials: CloudCredentials): void {
    this.#session.forget(credentials);
  }

  async #read(signal: AbortSignal): Promise<Session> {
    const { metadata } = this.#options;
    try {
      const roleName = await metadata.read(rolesPath, signal);
      const session = sessionIn(await metadata.read(rolesPath + encodeURIComponent(roleName), signal));
      if (session) return session;
    } catch (error) {
      if (error instanceof CodedError) throw this.#unavailable(reasonOf(error), error.retryable);
      throw error;
    }
    throw this.#unavailable('the metadata service gives no session for it', true);
  }

  #unavailable(reason: string, retryable: boolean): CredentialsError {
    const others = this.#options.insteadOf?.();
    if (others === undefined) {
      const message = `no credentials of the node's RAM role: ${reason}`;
      return new CredentialsError(message, { code: workerRoleErrorCodes.unavailable, retryable });
    }
    const message = `no Alibaba Cloud credentials: ${others}; and as for the node's RAM role, ${reason}`;
    return new CredentialsError(message, { code: workerRoleErrorCodes.nothingAnywhere, retryable });
  }
}

function reasonOf(error: CodedError): string {
  if (error.code !== metadataErrorCodes.notFound) return messageOf(error);
  return 'the node has none; attach one to the ECS instance';
}

function sessionIn(text: string): Session | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return (answer as { Code?: unknown } | null)?.Code === 'Success' ? readSession(answer) : undefined;
  } catch {
    return undefined;
  }
}
