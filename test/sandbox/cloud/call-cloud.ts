import type { CloudCredentials } from '../../../src/openapi/cloud-credentials.ts';
import { callOpenApi } from '../../../src/openapi/openapi-call.ts';
import type { CloudEmulator } from './cloud-emulator.ts';

/** Fields of the actions' answers; which are there depends on the action. */
export interface Answer {
  IsSuccess?: boolean;
  Code?: string;
  AuthorizationToken: string;
  TempUsername: string;
  ExpireTime: number;
  Endpoints: { EndpointType: string; Enable: boolean; Domains: { Domain: string; Type: string }[] }[];
  Instances: { InstanceId: string; RegionId: string }[];
  Credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string; Expiration: string };
}

export interface Call {
  credentials: CloudCredentials;
  action: string;
  /** Default: that of the registry. */
  version?: string;
  query?: Record<string, string>;
}

/** Calls an action through the SDK, which signs as the service's requests are signed; rejects with the refusal. */
export async function callCloud(cloud: CloudEmulator, call: Call): Promise<Answer> {
  const { credentials, action, version = '2018-12-01', query = {} } = call;
  const outcome = await callOpenApi(
    { action, version, method: 'POST', pathname: '/', query },
    { endpoint: new URL(cloud.url), credentials, timeoutMs: 5000, signal: new AbortController().signal },
  );
  if (!outcome.ok) throw Object.assign(new Error(outcome.failure.code), outcome.failure);
  return outcome.body as Answer;
}

/** Opens a session of the role. */
export async function openSession(
  cloud: CloudEmulator,
  credentials: CloudCredentials,
  roleArn: string,
  durationSeconds = 900,
): Promise<CloudCredentials> {
  const query = { RoleArn: roleArn, RoleSessionName: 'test', DurationSeconds: String(durationSeconds) };
  const answer = await callCloud(cloud, { credentials, action: 'AssumeRole', version: '2015-04-01', query });
  return sessionOf(answer.Credentials);
}

export function sessionOf({ AccessKeyId, AccessKeySecret, SecurityToken }: Answer['Credentials']): CloudCredentials {
  return { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, securityToken: SecurityToken };
}
