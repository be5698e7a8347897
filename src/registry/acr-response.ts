import { isRecord } from '../json.ts';
import { type ApiFailure, localFailureCodes } from '../openapi/api-failure.ts';

/** A temporary username and password of a registry. */
export interface AuthorizationToken {
  username: string;
  password: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** An Enterprise Edition instance. */
export interface AcrInstance {
  instanceId: string;
  /** What its domains begin with. */
  name: string;
}

/** What an answer says, or why it cannot be used. */
export type Read<T> = { ok: true; value: T } | { ok: false; failure: ApiFailure };

/** GetAuthorizationToken, 2018-12-01. */
export function readEnterpriseToken(body: unknown, now: number): Read<AuthorizationToken> {
  const answer = readSuccess(body);
  if (!answer.ok) return answer;
  const { TempUsername, AuthorizationToken, ExpireTime } = answer.value;
  return readToken({ username: TempUsername, password: AuthorizationToken, expiresAt: ExpireTime }, now);
}

/** `GET /tokens`, 2016-06-07: other spellings, and no flag of success. */
export function readPersonalToken(body: unknown, now: number): Read<AuthorizationToken> {
  const data = isRecord(body) ? body.data : undefined;
  if (!isRecord(data)) return unusable('there is no "data" in it');
  const { tempUserName, authorizationToken, expireDate } = data;
  return readToken({ username: tempUserName, password: authorizationToken, expiresAt: expireDate }, now);
}

/** ListInstanceEndpoint, 2018-12-01: the domains of every endpoint that is switched on, sorted, each once. */
export function readInstanceDomains(body: unknown): Read<string[]> {
  const answer = readSuccess(body);
  if (!answer.ok) return answer;
  const endpoints = answer.value.Endpoints;
  if (!Array.isArray(endpoints)) return unusable('there are no "Endpoints" in it');
  const domains = endpoints
    .filter((endpoint: unknown): endpoint is Record<string, unknown> => isRecord(endpoint) && endpoint.Enable === true)
    .flatMap(({ Domains }): unknown[] => (Array.isArray(Domains) ? Domains : []))
    .map((entry) => (isRecord(entry) ? entry.Domain : undefined))
    .filter((domain) => typeof domain === 'string' && domain.trim() !== '')
    .map((domain) => String(domain).trim().toLowerCase());
  if (domains.length === 0) return { ok: false, failure: { code: localFailureCodes.noDomains } };
  return { ok: true, value: [...new Set(domains)].sort() };
}

/** One page of a list. */
export interface InstancePage {
  /** Those that can be made out. */
  instances: AcrInstance[];
  /** How many there are on the page, and on all pages together, as far as that is said. */
  listed: number;
  total: number | undefined;
}

/** ListInstance, 2018-12-01: one page. */
export function readInstances(body: unknown): Read<InstancePage> {
  const answer = readSuccess(body);
  if (!answer.ok) return answer;
  const { Instances, TotalCount } = answer.value;
  if (!Array.isArray(Instances)) return unusable('there are no "Instances" in it');
  const instances = Instances.map((each: unknown) => (isRecord(each) ? each : {})).flatMap((each) => {
    const { InstanceId: instanceId, InstanceName: name } = each;
    return typeof instanceId === 'string' && typeof name === 'string' ? [{ instanceId, name }] : [];
  });
  const total = typeof TotalCount === 'number' ? TotalCount : undefined;
  return { ok: true, value: { instances, listed: Instances.length, total } };
}

/** Under HTTP 200, `IsSuccess` tells whether it is one; `Code` is spelled in several ways when it is. */
function readSuccess(body: unknown): Read<Record<string, unknown>> {
  if (!isRecord(body)) return unusable('it is no JSON object');
  if (body.IsSuccess === true) return { ok: true, value: body };
  const { Code, RequestId } = body;
  if (typeof Code !== 'string' || !/^[\w.-]{1,100}$/.test(Code))
    return unusable('"IsSuccess" is not true, without a code');
  const requestId = typeof RequestId === 'string' && /^[\w-]{1,64}$/.test(RequestId) ? RequestId : undefined;
  return { ok: false, failure: { code: Code, status: 200, ...(requestId !== undefined && { requestId }) } };
}

function readToken(
  fields: { username: unknown; password: unknown; expiresAt: unknown },
  now: number,
): Read<AuthorizationToken> {
  const { username, password, expiresAt } = fields;
  if (typeof username !== 'string' || username === '') return unusable('the username is empty');
  if (typeof password !== 'string' || password === '') return unusable('the token is empty');
  // Beyond what a `Date` can say it is none, either.
  const isTime = typeof expiresAt === 'number' && !Number.isNaN(new Date(expiresAt).getTime());
  if (!isTime) return unusable('the expiry time is missing');
  if (expiresAt <= now) return unusable("the token has expired already; compare this node's clock");
  return { ok: true, value: { username, password, expiresAt } };
}

function unusable(detail: string): { ok: false; failure: ApiFailure } {
  return {
    ok: false,
    failure: { code: localFailureCodes.invalidResponse, detail: `the answer is unusable: ${detail}` },
  };
}
