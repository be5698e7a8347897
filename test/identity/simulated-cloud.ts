import type { CloudCredentials } from '../../src/openapi/cloud-credentials.ts';
import type { CredentialsProvider } from '../../src/identity/credentials-provider.ts';
import type { Session } from '../../src/identity/session.ts';
import type { RoleSession, StsClient } from '../../src/identity/sts-client.ts';
import type { AcrClient, AcrInstance, AuthorizationToken } from '../../src/registry/acr-client.ts';
import type { ManualClock } from '../fakes/manual-clock.ts';

const TOKEN_LIFE_MS = 3_600_000;

/** What the cloud does to sessions and tokens, without a wire: for whole days by the thousand. */
export class SimulatedCloud implements StsClient, AcrClient {
  readonly sessionsAt: number[] = [];
  readonly tokensAt: number[] = [];
  /** While it is set, the Security Token Service answers with it. */
  stsFailure: Error | undefined;
  readonly #clock: ManualClock;
  readonly #latencyMs: number;

  constructor(clock: ManualClock, latencyMs = 200) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
  }

  /** An AccessKey pair, which needs no session. */
  readonly accessKey: CredentialsProvider = {
    source: 'AccessKey pair',
    account: 'pair',
    credentials: () => Promise.resolve({ accessKeyId: 'LTAIsimulated', accessKeySecret: 'simulated' }),
    forget: () => undefined,
  };

  async assumeRole({ durationSeconds }: RoleSession): Promise<Session> {
    await this.#clock.sleep(this.#latencyMs);
    const now = this.#clock.now();
    this.sessionsAt.push(now);
    if (this.stsFailure) throw this.stsFailure;
    // The cloud tells the end of a session in whole seconds.
    const expiresAt = Math.floor((now + durationSeconds * 1000) / 1000) * 1000;
    return { accessKeyId: 'STS.simulated', accessKeySecret: 'simulated', securityToken: 'simulated', expiresAt };
  }

  assumeRoleWithOidc(role: RoleSession): Promise<Session> {
    return this.assumeRole(role);
  }

  async authorizationToken(_target: unknown, credentials: CloudCredentials): Promise<AuthorizationToken> {
    await this.#clock.sleep(this.#latencyMs);
    const now = this.#clock.now();
    const { expiresAt: sessionEnd = Infinity } = credentials;
    if (sessionEnd <= now) throw new Error('asked with a session that is over');
    this.tokensAt.push(now);
    return { username: 'cr_temp_user', password: 'simulated', expiresAt: Math.min(now + TOKEN_LIFE_MS, sessionEnd) };
  }

  listInstances(): Promise<AcrInstance[]> {
    return Promise.resolve([]);
  }

  instanceDomains(): Promise<string[]> {
    return Promise.reject(new Error('the entries say their domains'));
  }
}
