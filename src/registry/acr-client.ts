import { type Clock, systemClock } from '../clock.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import {
  type AcrInstance,
  type AuthorizationToken,
  type Read,
  readEnterpriseToken,
  readInstanceDomains,
  readInstances,
  readPersonalToken,
} from './acr-response.ts';
import { type AcrCallSubject, acrError } from './acr-failure.ts';
import { type ApiEndpoints, CloudEndpoints, fixedEndpoint } from '../openapi/api-endpoint.ts';
import { type ApiFailure, isUnreachable, localFailureCodes } from '../openapi/api-failure.ts';
import { cloudDispatcher, type CloudDispatcher, probeThrough } from '../openapi/cloud-dispatcher.ts';
import { callOpenApi, type OpenApiRequest } from '../openapi/openapi-call.ts';
import { acrHosts } from '../openapi/api-hosts.ts';
import { isRegionId } from '../region-id.ts';

export type { AcrInstance, AuthorizationToken };

/** Whose token: an Enterprise Edition instance's, or, without an instance ID, the region's Personal Edition's. */
export interface RegistryTarget {
  instanceId?: string;
  regionId: string;
}

/** The port to Alibaba Cloud Container Registry's OpenAPI. Every method throws CloudApiError, or the signal's reason. */
export interface AcrClient {
  authorizationToken(
    target: RegistryTarget,
    credentials: CloudCredentials,
    signal: AbortSignal,
  ): Promise<AuthorizationToken>;
  /** Every domain of the instance's endpoints that are switched on: public, VPC and custom; sorted, never empty. */
  instanceDomains(
    target: RegistryTarget & { instanceId: string },
    credentials: CloudCredentials,
    signal: AbortSignal,
  ): Promise<string[]>;
  /** Every Enterprise Edition instance of a region; needs a permission that tokens do not. */
  listInstances(
    region: Pick<RegistryTarget, 'regionId'>,
    credentials: CloudCredentials,
    signal: AbortSignal,
  ): Promise<AcrInstance[]>;
}

export interface OpenApiAcrClientOptions {
  /** Where every call goes (`--cr-endpoint`); absent: to the region's own hosts. */
  endpoint?: URL;
  /** For one call, all told. Default: 10 s. */
  timeoutMs?: number;
  /** The configured version of the Enterprise API, read anew for each call. Default: 2018-12-01. */
  apiVersion?: () => string;
  /** Told of every call when it is over, `success` or the code of the failure; not of those that the caller gave up. */
  onRequest?: (action: string, result: string) => void;
  clock?: Clock;
  /** How the region's own hosts are chosen, where `endpoint` is absent. */
  endpoints?: ApiEndpoints;
  /** What carries the calls. Default: straight connections. */
  dispatcher?: CloudDispatcher;
}

const INSTANCES_PER_PAGE = 100;
/** Whatever the cloud says, a list has an end. */
const MAX_PAGES = 50;

const personalRequest: OpenApiRequest = {
  action: 'GetAuthorizationToken',
  version: '2016-06-07',
  method: 'GET',
  pathname: '/tokens',
  query: {},
};

/**
 * Speaks the OpenAPI `cr`: 2018-12-01 for Enterprise Edition, 2016-06-07 for Personal. One request a call, no retries.
 * Source: https://www.alibabacloud.com/help/en/acr/developer-reference/api-cr-2018-12-01-overview
 */
export class OpenApiAcrClient implements AcrClient {
  readonly #endpoints: ApiEndpoints;
  readonly #timeoutMs: number;
  readonly #apiVersion: () => string;
  readonly #onRequest: (action: string, result: string) => void;
  readonly #clock: Clock;
  readonly #dispatcher: CloudDispatcher;

  constructor(options: OpenApiAcrClientOptions = {}) {
    const { endpoint, dispatcher = cloudDispatcher({}) } = options;
    const endpoints = options.endpoints ?? new CloudEndpoints(acrHosts, probeThrough(dispatcher));
    this.#endpoints = endpoint === undefined ? endpoints : fixedEndpoint(endpoint);
    this.#dispatcher = dispatcher;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#apiVersion = options.apiVersion ?? (() => '2018-12-01');
    this.#onRequest = options.onRequest ?? (() => undefined);
    this.#clock = options.clock ?? systemClock;
  }

  authorizationToken(
    target: RegistryTarget,
    credentials: CloudCredentials,
    signal: AbortSignal,
  ): Promise<AuthorizationToken> {
    const { instanceId } = target;
    const call = { target, credentials, signal };
    // A configuration may say `instanceId: ""` for the Personal Edition.
    return instanceId
      ? this.#call(this.#enterprise('GetAuthorizationToken', { InstanceId: instanceId }), readEnterpriseToken, call)
      : this.#call(personalRequest, readPersonalToken, call);
  }

  instanceDomains(
    target: RegistryTarget & { instanceId: string },
    credentials: CloudCredentials,
    signal: AbortSignal,
  ): Promise<string[]> {
    const query = { InstanceId: target.instanceId, ModuleName: 'Registry' };
    const call = { target, credentials, signal };
    return this.#call(this.#enterprise('ListInstanceEndpoint', query), readInstanceDomains, call);
  }

  async listInstances(
    region: Pick<RegistryTarget, 'regionId'>,
    credentials: CloudCredentials,
    signal: AbortSignal,
  ): Promise<AcrInstance[]> {
    const call = { target: region, credentials, signal };
    const instances: AcrInstance[] = [];
    let seen = 0;
    for (let page = 1; page <= MAX_PAGES; page++) {
      const query = { PageNo: String(page), PageSize: String(INSTANCES_PER_PAGE) };
      const found = await this.#call(this.#enterprise('ListInstance', query), readInstances, call);
      instances.push(...found.instances);
      seen += found.listed;
      if (found.listed === 0 || seen >= (found.total ?? Number.POSITIVE_INFINITY)) break;
    }
    return instances;
  }

  #enterprise(action: string, query: Record<string, string>): OpenApiRequest {
    return { action, version: this.#apiVersion(), method: 'POST', pathname: '/', query };
  }

  async #call<T>(
    request: OpenApiRequest,
    read: (body: unknown, now: number) => Read<T>,
    call: { target: RegistryTarget; credentials: CloudCredentials; signal: AbortSignal },
  ): Promise<T> {
    const { action } = request;
    const { instanceId, regionId } = call.target;
    const subject = { action, regionId, ...(instanceId && { instanceId }) };
    if (!isRegionId(regionId)) throw acrError({ code: localFailureCodes.invalidRegion }, subject);
    const answer = await this.#answerOf(request, read, call);
    this.#onRequest(action, answer.ok ? 'success' : answer.failure.code);
    if (!answer.ok) throw this.#errorOf(answer.failure, subject);
    return answer.value;
  }

  async #answerOf<T>(
    request: OpenApiRequest,
    read: (body: unknown, now: number) => Read<T>,
    call: { target: RegistryTarget; credentials: CloudCredentials; signal: AbortSignal },
  ): Promise<Read<T>> {
    const { target, credentials, signal } = call;
    const endpoint = await this.#endpoints.endpointOf(target.regionId);
    const carrying = { timeoutMs: this.#timeoutMs, dispatcher: this.#dispatcher, signal };
    const outcome = await callOpenApi(request, { endpoint, credentials, ...carrying });
    return outcome.ok ? read(outcome.body, this.#clock.now()) : outcome;
  }

  #errorOf(failure: ApiFailure, subject: AcrCallSubject): Error {
    if (isUnreachable(failure)) this.#endpoints.forget(subject.regionId);
    return acrError(failure, subject);
  }
}
