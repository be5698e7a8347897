import { createHash, randomUUID } from 'node:crypto';
import { stringify } from 'node:querystring';
import { OpenApiUtil } from '@alicloud/openapi-core';
import { request as send, type Dispatcher } from 'undici';
import { systemClock, withDeadline } from '../clock.ts';
import { parseJson } from '../json.ts';
import type { CloudCredentials } from './cloud-credentials.ts';
import { type ApiFailure, localFailureCodes } from './api-failure.ts';
import { failureOfAnswer, failureOfConnection } from './openapi-failure.ts';

/** One action of a cloud product's OpenAPI. */
export interface OpenApiRequest {
  action: string;
  version: string;
  method: 'GET' | 'POST';
  pathname: string;
  query: Record<string, string>;
  /** What goes into the body instead of the query, where logs of addresses do not show it. */
  form?: Record<string, string>;
}

export interface OpenApiCallOptions {
  /** `https://host[:port]`; a path in it is ignored. */
  endpoint: URL;
  /** Absent: the request is not signed. */
  credentials?: CloudCredentials;
  /** For the whole call. */
  timeoutMs: number;
  signal: AbortSignal;
  /** What carries the request. Default: straight connections. */
  dispatcher?: Dispatcher;
}

/** What came of a call: the answer's JSON, whatever that is, or why there is none. */
export type OpenApiOutcome = { ok: true; body: unknown } | { ok: false; failure: ApiFailure };

const algorithm = 'ACS3-HMAC-SHA256';

/** A class of a package that is none of our dependencies; the signer reads four fields of it. */
type SignedRequest = Parameters<typeof OpenApiUtil.getAuthorization>[0];

/**
 * Calls an action once: no retries here. Alibaba Cloud's SDK core signs; it does not send, as its own transport obeys no proxy
 * and cannot be told to stop. The only importer of `@alicloud/openapi-core`.
 * Source: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
 * @throws the signal's reason when it fires; every other failure is an outcome.
 */
export async function callOpenApi(request: OpenApiRequest, options: OpenApiCallOptions): Promise<OpenApiOutcome> {
  const { endpoint, credentials, timeoutMs, signal, dispatcher } = options;
  signal.throwIfAborted();
  const body = request.form === undefined ? '' : stringify(request.form);
  const { method, pathname, query } = request;
  const path = pathname + (Object.keys(query).length === 0 ? '' : `?${stringify(query)}`);
  const headers = signedHeaders(request, { host: endpoint.host, body, credentials });
  const deadline = withDeadline(systemClock, timeoutMs, signal);
  try {
    // Calls are too rare to gain by idle connections, which the other side may close at any moment.
    const transport = { signal: deadline.signal, reset: true, ...(dispatcher && { dispatcher }) };
    const answer = await send(new URL(path, endpoint), { ...transport, method, headers, body: body || null });
    return outcomeOf(answer.statusCode, answer.headers, await answer.body.text(), options);
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, failure: deadline.signal.aborted ? timedOut(options) : failureOfConnection(error, endpoint) };
  } finally {
    deadline.clear();
  }
}

/** The request's headers, with the signature over them and over everything else that is sent. */
function signedHeaders(
  { action, version, method, pathname, query }: OpenApiRequest,
  { host, body, credentials }: { host: string; body: string; credentials: CloudCredentials | undefined },
): Record<string, string> {
  const hash = createHash('sha256').update(body).digest('hex');
  const headers: Record<string, string> = {
    host,
    accept: 'application/json',
    'user-agent': 'acr-credential-injector',
    ...(body !== '' && { 'content-type': 'application/x-www-form-urlencoded' }),
    'x-acs-action': action,
    'x-acs-version': version,
    'x-acs-date': `${new Date().toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-content-sha256': hash,
  };
  if (credentials === undefined) return headers;
  const { accessKeyId, accessKeySecret, securityToken } = credentials;
  if (securityToken)
    Object.assign(headers, { 'x-acs-accesskey-id': accessKeyId, 'x-acs-security-token': securityToken });
  const signed: Partial<SignedRequest> = { method, pathname, query, headers };
  const key = [accessKeyId, accessKeySecret] as const;
  return { ...headers, authorization: OpenApiUtil.getAuthorization(signed as SignedRequest, algorithm, hash, ...key) };
}

function outcomeOf(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  text: string,
  { endpoint, credentials }: OpenApiCallOptions,
): OpenApiOutcome {
  const body = parseJson(text);
  if (body === undefined) return { ok: false, failure: noAnswer(endpoint) };
  if (status < 300) return { ok: true, body };
  const retryAfterMs = Number.parseInt(String(headers['x-acs-retry-after']), 10);
  return { ok: false, failure: failureOfAnswer(body, { status, retryAfterMs, credentials }) };
}

function timedOut({ endpoint, timeoutMs }: OpenApiCallOptions): ApiFailure {
  return { code: localFailureCodes.timeout, detail: `${endpoint.host} did not answer within ${timeoutMs} ms` };
}

function noAnswer({ host }: URL): ApiFailure {
  const detail = `${host} did not answer as the cloud's API does: is it that, with no proxy in between?`;
  return { code: localFailureCodes.invalidResponse, detail };
}
