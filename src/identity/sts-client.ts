import { type ApiEndpoints, CloudEndpoints, fixedEndpoint } from '../openapi/api-endpoint.ts';
import { type ApiFailure, isUnreachable, localFailureCodes } from '../openapi/api-failure.ts';
import { cloudDispatcher, type CloudDispatcher, probeThrough } from '../openapi/cloud-dispatcher.ts';
import { callOpenApi, type OpenApiRequest } from '../openapi/openapi-call.ts';
import { stsHosts } from '../openapi/api-hosts.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import { readSession, type Session } from './session.ts';
import { stsError } from './sts-failure.ts';

/** The session that is asked for. */
export interface RoleSession {
  /** `acs:ram::<uid>:role/<name>`. */
  roleArn: string;
  /** 900–43200, and no more than the role allows. */
  durationSeconds: number;
}

/** The port to the Security Token Service. Both methods throw CloudApiError, or the signal's reason. */
export interface StsClient {
  assumeRole(role: RoleSession, credentials: CloudCredentials, signal: AbortSignal): Promise<Session>;
  assumeRoleWithOidc(
    role: RoleSession & { oidcProviderArn: string },
    oidcToken: string,
    signal: AbortSignal,
  ): Promise<Session>;
}

export interface OpenApiStsClientOptions {
  /** Where every call goes (`--sts-endpoint`); absent: to the hosts of the region. */
  endpoint?: URL;
  /** Any region's hosts do; those of the own one can be reached from inside a VPC. */
  region: (signal: AbortSignal) => Promise<string>;
  /** For one call, all told. Default: 10 s. */
  timeoutMs?: number;
  /** Told of every call when it is over, `success` or the code of the failure; not of those that the caller gave up. */
  onRequest?: (action: string, result: string) => void;
  /** How the region's hosts are chosen, where `endpoint` is absent. */
  endpoints?: ApiEndpoints;
  /** What carries the calls. Default: straight connections. */
  dispatcher?: CloudDispatcher;
}

/** What the cloud's logs of access call our sessions; 2–32 characters. */
const sessionName = 'acr-credential-injector';
const version = '2015-04-01';

/**
 * Speaks the OpenAPI `sts`. One request a call, no retries.
 * Source: https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-overview
 */
export class OpenApiStsClient implements StsClient {
  readonly #options: OpenApiStsClientOptions;
  readonly #dispatcher: CloudDispatcher;
  readonly #endpoints: ApiEndpoints;

  constructor(options: OpenApiStsClientOptions) {
    const { endpoint, dispatcher = cloudDispatcher({}) } = options;
    const endpoints = options.endpoints ?? new CloudEndpoints(stsHosts, probeThrough(dispatcher));
    this.#options = options;
    this.#dispatcher = dispatcher;
    this.#endpoints = endpoint === undefined ? endpoints : fixedEndpoint(endpoint);
  }

  assumeRole({ roleArn, durationSeconds }: RoleSession, credentials: CloudCredentials, signal: AbortSignal) {
    const query = { RoleArn: roleArn, RoleSessionName: sessionName, DurationSeconds: String(durationSeconds) };
    const request = { action: 'AssumeRole', version, method: 'POST', pathname: '/', query } as const;
    return this.#call(request, { roleArn, credentials, signal });
  }

  assumeRoleWithOidc(
    { roleArn, durationSeconds, oidcProviderArn }: RoleSession & { oidcProviderArn: string },
    oidcToken: string,
    signal: AbortSignal,
  ) {
    const form = {
      RoleArn: roleArn,
      OIDCProviderArn: oidcProviderArn,
      OIDCToken: oidcToken,
      RoleSessionName: sessionName,
      DurationSeconds: String(durationSeconds),
    };
    const request = { action: 'AssumeRoleWithOIDC', version, method: 'POST', pathname: '/', query: {}, form } as const;
    return this.#call(request, { roleArn, signal });
  }

  async #call(request: OpenApiRequest, call: Call): Promise<Session> {
    const { action } = request;
    const answer = await this.#answerOf(request, call);
    this.#options.onRequest?.(action, answer.ok ? 'success' : answer.failure.code);
    if (!answer.ok) throw stsError(answer.failure, { action, roleArn: call.roleArn });
    return answer.session;
  }

  async #answerOf(request: OpenApiRequest, { credentials, signal }: Call): Promise<Answer> {
    const { region, timeoutMs = 10_000 } = this.#options;
    const regionId = this.#options.endpoint ? '' : await region(signal);
    const endpoint = await this.#endpoints.endpointOf(regionId);
    const carrying = { endpoint, dispatcher: this.#dispatcher, timeoutMs, signal };
    const outcome = await callOpenApi(request, credentials ? { ...carrying, credentials } : carrying);
    if (outcome.ok) return sessionIn(outcome.body);
    if (isUnreachable(outcome.failure)) this.#endpoints.forget(regionId);
    return outcome;
  }
}

interface Call {
  roleArn: string;
  credentials?: CloudCredentials;
  signal: AbortSignal;
}

type Answer = { ok: true; session: Session } | { ok: false; failure: ApiFailure };

function sessionIn(body: unknown): Answer {
  const session = readSession((body as { Credentials?: unknown } | null)?.Credentials);
  if (session) return { ok: true, session };
  const detail = 'the answer is unusable: there is no session in it';
  return { ok: false, failure: { code: localFailureCodes.invalidResponse, detail } };
}
