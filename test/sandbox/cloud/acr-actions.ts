import { CloudRefusal, type CloudRequest, headerOf, newRequestId, parameterOf } from './cloud-request.ts';
import type { Principal } from './identity-store.ts';
import { type EmulatedInstance, endpointsOf, type RegistryStore } from './registry-store.ts';

/** One call of an action by somebody whose signature was right. */
export interface ActionCall {
  request: CloudRequest;
  principal: Principal;
  registries: RegistryStore;
  now: number;
  tokenLifeMs: number;
}

/** GetAuthorizationToken, 2018-12-01. */
export function getAuthorizationToken(call: ActionCall): object {
  const { request, principal, registries, now } = call;
  const instance = findInstance(call);
  if (instance === undefined) return failure('INSTANCE_NOT_EXIST');
  const hours = Number(parameterOf(request, 'ExpiresInHours') || 0);
  if (!Number.isInteger(hours) || hours < 0 || hours > 24) return failure('INVALID_PARAMETER');
  const token = registries.issue(
    principal,
    { instanceId: instance.instanceId, regionId: instance.regionId },
    { now, lifeMs: hours > 0 ? hours * 3_600_000 : call.tokenLifeMs },
  );
  return {
    ...success(),
    TempUsername: token.username,
    AuthorizationToken: token.password,
    ExpireTime: token.expiresAt,
  };
}

/** ListInstanceEndpoint, 2018-12-01: endpoints that are switched off are listed, too. */
export function listInstanceEndpoint(call: ActionCall): object {
  const instance = findInstance(call);
  if (instance === undefined) return failure('INSTANCE_NOT_EXIST');
  // The other module, Chart, has domains of its own, which this cloud does without.
  const listed = (parameterOf(call.request, 'ModuleName') || 'Registry') === 'Registry' ? endpointsOf(instance) : [];
  const endpoints = listed.map(({ type, enabled = true, domains }) => ({
    EndpointType: type,
    Enable: enabled,
    Status: enabled ? 'RUNNING' : 'STOPPED',
    AclEnable: false,
    AclEntries: [],
    LinkedVpcs: [],
    Domains: domains.map(({ domain, type: domainType }) => ({ Domain: domain, Type: domainType })),
  }));
  return { ...success(), Endpoints: endpoints };
}

/** ListInstance, 2018-12-01. */
export function listInstance({ request, principal, registries }: ActionCall): object {
  const all = registries.instances(principal.accountId);
  const pageNo = Number(parameterOf(request, 'PageNo') || 1);
  const pageSize = Number(parameterOf(request, 'PageSize') || 30);
  const page = all.slice((pageNo - 1) * pageSize, pageNo * pageSize);
  const instances = page.map(({ instanceId, regionId, name }) => ({
    InstanceId: instanceId,
    InstanceName: name,
    RegionId: regionId,
    InstanceStatus: 'RUNNING',
  }));
  return { ...success(), PageNo: pageNo, PageSize: pageSize, TotalCount: all.length, Instances: instances };
}

/** `GET /tokens`, 2016-06-07: Personal Edition, with its own spelling. */
export function getPersonalToken({ request, principal, registries, now, tokenLifeMs }: ActionCall): object {
  const regionId = registries.personalRegion(principal.accountId, regionOfHost(request));
  if (regionId === undefined) throw new CloudRefusal(404, 'USER_NOT_EXIST', 'user is not exist', true);
  const token = registries.issue(principal, { regionId }, { now, lifeMs: tokenLifeMs });
  return {
    requestId: newRequestId(),
    data: { authorizationToken: token.password, tempUserName: token.username, expireDate: token.expiresAt },
  };
}

/** The region that the host header names; none when the client talks to an address. */
export function regionOfHost(request: CloudRequest): string | undefined {
  return /^cr(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com(?::\d+)?$/.exec(headerOf(request, 'host'))?.[1];
}

function findInstance({ request, principal, registries }: ActionCall): EmulatedInstance | undefined {
  const instanceId = parameterOf(request, 'InstanceId');
  if (instanceId === '') throw new CloudRefusal(400, 'MissingInstanceId', 'InstanceId is mandatory for this action.');
  const instance = registries.instances(principal.accountId).find((candidate) => candidate.instanceId === instanceId);
  if (instance !== undefined && instance.regionId !== (regionOfHost(request) ?? instance.regionId)) {
    throw new CloudRefusal(400, 'rpc_invalid_arg', 'invalid arg');
  }
  return instance;
}

function success(): object {
  return { Code: 'success', IsSuccess: true, RequestId: newRequestId() };
}

/** The registry service answers its own refusals with HTTP 200. */
function failure(code: string): object {
  return { Code: code, IsSuccess: false, RequestId: newRequestId() };
}
