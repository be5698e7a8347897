import OpenApi, { $OpenApiUtil, AlibabaCloudError, ThrottlingError } from '@alicloud/openapi-core';
import { systemClock, withDeadline } from '../clock.ts';
import type { CloudCredentials } from '../identity/credentials-provider.ts';
import { staticCredential } from '../identity/static-credential.ts';
import { type ApiFailure, localFailureCodes } from './api-failure.ts';

/** One action of a cloud product's OpenAPI. */
export interface OpenApiRequest {
  action: string;
  version: string;
  style: 'RPC' | 'ROA';
  method: 'GET' | 'POST';
  pathname: string;
  query: Record<string, string>;
}

export interface OpenApiCallOptions {
  /** `https://host[:port]`; a path in it is ignored. */
  endpoint: URL;
  credentials: CloudCredentials;
  /** For the whole call. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** What came of a call: the answer's JSON, whatever that is, or why there is none. */
export type OpenApiOutcome = { ok: true; body: unknown } | { ok: false; failure: ApiFailure };

// A CommonJS package: Node's import gives its exports, other loaders may give the class in them.
const Client = 'default' in OpenApi ? OpenApi.default : OpenApi;

type RuntimeOptions = Parameters<InstanceType<typeof Client>['callApi']>[2];

/** The SDK reads fields of it and nothing else; its class belongs to a package that is none of our dependencies. */
const nothingOverridden: Partial<RuntimeOptions> = {};

/**
 * Calls an action through Alibaba Cloud's SDK core, once: no retries here. The only importer of `@alicloud/openapi-core`.
 * @throws the signal's reason when it fires; every other failure is an outcome.
 */
export async function callOpenApi(request: OpenApiRequest, options: OpenApiCallOptions): Promise<OpenApiOutcome> {
  const { endpoint, timeoutMs, signal } = options;
  const deadline = withDeadline(systemClock, timeoutMs, signal);
  try {
    const answer = await untilAborted(send(request, options), deadline.signal);
    return { ok: true, body: answer.body };
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, failure: deadline.signal.aborted ? timedOut(endpoint, timeoutMs) : failureOf(error, options) };
  } finally {
    deadline.clear();
  }
}

async function send(request: OpenApiRequest, options: OpenApiCallOptions): Promise<Record<string, unknown>> {
  options.signal.throwIfAborted();
  const { endpoint, credentials, timeoutMs } = options;
  const client = new Client(
    new $OpenApiUtil.Config({
      credential: staticCredential(credentials),
      endpoint: endpoint.host,
      protocol: endpoint.protocol.replace(':', ''),
      userAgent: 'acr-credential-injector',
      connectTimeout: timeoutMs,
      readTimeout: timeoutMs,
    }),
  );
  const { query, ...action } = request;
  const params = new $OpenApiUtil.Params({
    ...action,
    protocol: 'HTTPS',
    authType: 'AK',
    reqBodyType: action.style === 'RPC' ? 'formData' : 'json',
    bodyType: 'json',
  });
  // The SDK's idle sockets would be reused with a timer of the request before; calls are too rare to gain by it.
  const headers = { connection: 'close' };
  return client.callApi(
    params,
    new $OpenApiUtil.OpenApiRequest({ query, headers }),
    nothingOverridden as RuntimeOptions,
  );
}

/** The SDK cannot be told to stop: its promise is left behind, and its socket ends by its own limits, which fire later. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    reject(new Error('aborted'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function failureOf(error: unknown, { endpoint, credentials }: OpenApiCallOptions): ApiFailure {
  if (error instanceof AlibabaCloudError) return refusalOf(error, credentials);
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') {
    return { code: localFailureCodes.unreachable, detail: `${endpoint.host} cannot be reached: ${code}` };
  }
  // The SDK lets a SyntaxError or TypeError of its own escape when a body is no JSON object.
  const detail = `${endpoint.host} did not answer as the cloud's API does: is it that, with no proxy in between?`;
  return { code: localFailureCodes.invalidResponse, detail };
}

function timedOut(endpoint: URL, timeoutMs: number): ApiFailure {
  return { code: localFailureCodes.timeout, detail: `${endpoint.host} did not answer within ${timeoutMs} ms` };
}

function refusalOf(error: AlibabaCloudError, credentials: CloudCredentials): ApiFailure {
  const message = messageOf(error);
  const requestId = wordOf(error.requestId);
  const retryAfterMs = error instanceof ThrottlingError ? error.retryAfter : undefined;
  return {
    code: wordOf(error.code) ?? localFailureCodes.invalidResponse,
    ...(message !== undefined && { detail: `the cloud says: ${redact(message, credentials)}` }),
    ...(error.statusCode !== undefined && { status: error.statusCode }),
    ...(requestId !== undefined && { requestId }),
    ...(retryAfterMs !== undefined && retryAfterMs >= 0 && { retryAfterMs }),
  };
}

/** The SDK puts the word `undefined` where the answer has nothing. */
function wordOf(text: string | undefined): string | undefined {
  return text !== undefined && text !== 'undefined' && /^[\w.-]{1,100}$/.test(text) ? text : undefined;
}

function messageOf(error: AlibabaCloudError): string | undefined {
  const { Message, message } = (error.data ?? {}) as { Message?: unknown; message?: unknown };
  return [Message, message].find((text) => typeof text === 'string');
}

/** The gateway echoes what was signed with: anything that long is no word. */
function redact(text: string, { accessKeySecret, securityToken }: CloudCredentials): string {
  return [accessKeySecret, ...(securityToken ? [securityToken] : [])]
    .reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text)
    .replace(/[\w+/=%-]{24,}/g, '[redacted]')
    .replace(/\s+/g, ' ')
    .slice(0, 200);
}
