import { CloudApiError } from '../errors.ts';

/** Why a call of the OpenAPI failed, before it is put into words. */
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

/** What was asked for, to be named in a message. */
export interface ApiCallSubject {
  action: string;
  /** Absent: Personal Edition. */
  instanceId?: string;
  regionId: string;
}

type Remedy = (subject: ApiCallSubject) => string;

const permission: Remedy = () =>
  'the RAM identity lacks permission; grant it cr:GetAuthorizationToken, cr:ListInstanceEndpoint and cr:PullRepository';
const sessionEnded: Remedy = () => 'the session of the RAM role has ended or is damaged; a new one is needed';
const clockOff: Remedy = () => "the cloud refuses the request's time stamp; set this node's clock";

/** By code: what is wrong and what to do about it. Codes end where a dot begins, unless they are listed in full. */
const remedies: Readonly<Record<string, Remedy>> = {
  INSTANCE_NOT_EXIST: ({ instanceId, regionId }) =>
    `there is no instance ${instanceId ?? ''} in region ${regionId} for this account; ` +
    'correct instanceId and regionId in acr-registry-info',
  USER_NOT_EXIST: ({ regionId }) =>
    `the RAM identity has no Personal Edition registry in region ${regionId}; sign in as it once and set a registry ` +
    'password, or grant it the permission (Personal instances made after 2024-09-08 give no temporary tokens)',
  rpc_invalid_arg: ({ instanceId, regionId }) =>
    `region ${regionId} does not know ${instanceId === undefined ? 'the request' : `instance ${instanceId}`}; ` +
    'correct regionId in acr-registry-info',
  Forbidden: permission,
  NoPermission: permission,
  InvalidAccessKeyId: () => 'the AccessKey ID is unknown, disabled or deleted; supply a valid AccessKey pair',
  SignatureDoesNotMatch: () => 'the AccessKey secret does not belong to the AccessKey ID; correct the pair',
  IncompleteSignature: () => 'the cloud cannot read the signature; check what stands between here and the API',
  MissingSecurityToken: () => 'the AccessKey ID belongs to a session, whose security token is missing',
  InvalidSecurityToken: sessionEnded,
  'InvalidTimeStamp.Expired': clockOff,
  'InvalidAction.NotFound': () => 'the API has no such action; set acr-api-version to 2018-12-01',
  InvalidVersion: () => 'the API has no such version; set acr-api-version to 2018-12-01',
  Throttling: () => 'the cloud asks for fewer requests',
  ServiceUnavailable: () => 'the service is unavailable for now',
  [localFailureCodes.noDomains]: ({ instanceId }) =>
    `instance ${instanceId ?? ''} has no endpoint switched on; switch on public or VPC access, or list domains in acr-registry-info`,
  [localFailureCodes.invalidRegion]: ({ regionId }) =>
    `${JSON.stringify(regionId)} is no region ID; write one such as cn-hangzhou`,
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

/** The error to throw: one line that says what failed, why, and what to do. Holds nothing that the caller signed with. */
export function cloudApiError(failure: ApiFailure, subject: ApiCallSubject): CloudApiError {
  const { action, instanceId, regionId } = subject;
  const registry = instanceId === undefined ? 'the Personal Edition' : `instance ${instanceId}`;
  const facts = [
    failure.code,
    ...(failure.status === undefined ? [] : [`HTTP ${failure.status}`]),
    ...(failure.requestId === undefined ? [] : [`request ${failure.requestId}`]),
  ];
  const why = lookUp(remedies, failure.code)?.(subject) ?? failure.detail ?? 'the cloud refused';
  return new CloudApiError(`${action} for ${registry} in ${regionId} failed: ${why} (${facts.join(', ')})`, {
    code: failure.code,
    retryable: passing.has(family(failure.code)) || (failure.status ?? 0) >= 500,
    ...(failure.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
  });
}

function lookUp<T>(table: Readonly<Record<string, T>>, code: string): T | undefined {
  if (Object.hasOwn(table, code)) return table[code];
  return Object.hasOwn(table, family(code)) ? table[family(code)] : undefined;
}

/** `Throttling` of `Throttling.User`. */
function family(code: string): string {
  return code.split('.', 1)[0] ?? code;
}
