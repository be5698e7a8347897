import { CloudApiError } from '../errors.ts';

/** Why a call of an OpenAPI failed, before it is put into words. */
export interface ApiFailure {
  /** The cloud's code (`INSTANCE_NOT_EXIST`), or one of `localFailureCodes`. */
  code: string;
  /** The HTTP status; absent when there was no readable answer. */
  status?: number;
  /** What went wrong, in words that hold no secret. */
  detail?: string;
  requestId?: string;
  retryAfterMs?: number;
}

/** Codes of failures that the cloud did not name. */
export const localFailureCodes = {
  timeout: 'Timeout',
  unreachable: 'Unreachable',
  invalidResponse: 'InvalidResponse',
  noDomains: 'NoDomains',
  invalidRegion: 'InvalidRegion',
} as const;

/**
 * What is wrong and what to do about it, by code. An entry serves its code and those that continue it after a dot, unless they
 * have an entry themselves.
 */
export type Remedies = Readonly<Record<string, string>>;

const sessionEnded = 'the session of the RAM role has ended or is damaged; a new one is needed';

/** Of what the gateway in front of every product refuses. */
const gatewayRemedies: Remedies = {
  InvalidAccessKeyId: 'the AccessKey ID is unknown, disabled or deleted; supply a valid AccessKey pair',
  SignatureDoesNotMatch: 'the AccessKey secret does not belong to the AccessKey ID; correct the pair',
  IncompleteSignature: 'the cloud cannot read the signature; check what stands between here and the API',
  MissingSecurityToken: 'the AccessKey ID belongs to a session, whose security token is missing',
  InvalidSecurityToken: sessionEnded,
  'InvalidTimeStamp.Expired': "the cloud refuses the request's time stamp; set this node's clock",
  Throttling: 'the cloud asks for fewer requests',
  ServiceUnavailable: 'the service is unavailable for now',
};

/** Failures that pass with nobody mending anything. A session is renewed by the identity that owns it. */
const passing: ReadonlySet<string> = new Set([
  localFailureCodes.timeout,
  localFailureCodes.unreachable,
  localFailureCodes.invalidResponse,
  'Throttling',
  'ServiceUnavailable',
  'InvalidSecurityToken',
  'SignatureNonceUsed',
  'InternalError',
]);

const ofCredentials: ReadonlySet<string> = new Set([
  'InvalidAccessKeyId',
  'InvalidSecurityToken',
  'MissingSecurityToken',
]);

/**
 * The error to throw: one line that says what failed, why, and what to do. Holds nothing that the caller signed with.
 * @param attempt what was tried, for example `AssumeRole of acs:ram::1:role/puller`. @param remedies of the product.
 */
export function cloudApiError(failure: ApiFailure, attempt: string, remedies: Remedies): CloudApiError {
  const facts = [
    failure.code,
    ...(failure.status === undefined ? [] : [`HTTP ${failure.status}`]),
    ...(failure.requestId === undefined ? [] : [`request ${failure.requestId}`]),
  ];
  const why =
    lookUp(remedies, failure.code) ?? lookUp(gatewayRemedies, failure.code) ?? failure.detail ?? 'the cloud refused';
  return new CloudApiError(`${attempt} failed: ${why} (${facts.join(', ')})`, {
    code: failure.code,
    retryable: passing.has(family(failure.code)) || (failure.status ?? 0) >= 500,
    ...(failure.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
  });
}

/** Did the cloud refuse the credentials themselves, whatever was asked for? */
export function refusesCredentials(error: unknown): boolean {
  return error instanceof CloudApiError && ofCredentials.has(family(error.code));
}

/** Could the endpoint not be reached, so that another may be better? */
export function isUnreachable({ code }: Pick<ApiFailure, 'code'>): boolean {
  return code === localFailureCodes.unreachable || code === localFailureCodes.timeout;
}

function lookUp(remedies: Remedies, code: string): string | undefined {
  for (let name = code; name !== ''; name = name.slice(0, Math.max(name.lastIndexOf('.'), 0))) {
    if (Object.hasOwn(remedies, name)) return remedies[name];
  }
  return undefined;
}

/** `Throttling` of `Throttling.User`. */
function family(code: string): string {
  return code.split('.', 1)[0] ?? code;
}
