import type { CloudApiError } from '../errors.ts';
import { type ApiFailure, cloudApiError, localFailureCodes, type Remedies } from '../openapi/api-failure.ts';

/** What was asked for, to be named in a message. */
export interface AcrCallSubject {
  action: string;
  /** Absent: Personal Edition. */
  instanceId?: string;
  regionId: string;
}

const permission =
  'the RAM identity lacks permission; grant it cr:GetAuthorizationToken, cr:ListInstanceEndpoint and cr:PullRepository';

/** The error of a call of the registry's OpenAPI. */
export function acrError(failure: ApiFailure, subject: AcrCallSubject): CloudApiError {
  const { action, instanceId, regionId } = subject;
  const registry = instanceId === undefined ? 'the Personal Edition' : `instance ${instanceId}`;
  return cloudApiError(failure, `${action} for ${registry} in ${regionId}`, remediesFor(subject));
}

function remediesFor({ instanceId, regionId }: AcrCallSubject): Remedies {
  return {
    INSTANCE_NOT_EXIST:
      `there is no instance ${instanceId ?? ''} in region ${regionId} for this account; ` +
      'correct instanceId and regionId in acr-registry-info',
    USER_NOT_EXIST:
      `the RAM identity has no Personal Edition registry in region ${regionId}; sign in as it once and set a registry ` +
      'password, or grant it the permission (Personal instances made after 2024-09-08 give no temporary tokens)',
    rpc_invalid_arg:
      `region ${regionId} does not know ${instanceId === undefined ? 'the request' : `instance ${instanceId}`}; ` +
      'correct regionId in acr-registry-info',
    Forbidden: permission,
    NoPermission: permission,
    'InvalidAction.NotFound': 'the API has no such action; set acr-api-version to 2018-12-01',
    InvalidVersion: 'the API has no such version; set acr-api-version to 2018-12-01',
    [localFailureCodes.noDomains]:
      `instance ${instanceId ?? ''} has no endpoint switched on; switch on public or VPC access, ` +
      'or list domains in acr-registry-info',
    [localFailureCodes.invalidRegion]: `${JSON.stringify(regionId)} is no region ID; write one such as cn-hangzhou`,
  };
}
