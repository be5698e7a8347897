import { CloudRefusal, type CloudRequest, newRequestId, parameterOf } from './cloud-request.ts';
import type { EmulatedRole, EmulatedSession, IdentityStore, Principal } from './identity-store.ts';

/** AssumeRole, 2015-04-01. */
export function assumeRole(
  request: CloudRequest,
  principal: Principal,
  identities: IdentityStore,
  now: number,
): object {
  if (principal.root) throw new CloudRefusal(403, 'NoPermission', 'Roles may not be assumed by root accounts.');
  const role = identities.role(required(request, 'RoleArn'));
  if (role.trusts?.includes(principal.accountId) === false) {
    throw new CloudRefusal(
      403,
      'NoPermission',
      'You are not authorized to do this action. You should be authorized by RAM.',
    );
  }
  return openSession(request, role, identities, now);
}

/** AssumeRoleWithOIDC, 2015-04-01: unsigned, the ServiceAccount's token is the proof. Its claims are checked, not its signature. */
export function assumeRoleWithOidc(request: CloudRequest, identities: IdentityStore, now: number): object {
  const role = identities.role(required(request, 'RoleArn'));
  const providerArn = required(request, 'OIDCProviderArn');
  const claims = claimsOf(required(request, 'OIDCToken'));
  const audiences = [claims.aud].flat();
  if (!audiences.includes('sts.aliyuncs.com')) {
    throw new CloudRefusal(401, 'AuthenticationFail.OIDCToken.AudienceNotMatch', 'Invalid audience.');
  }
  if (typeof claims.exp !== 'number' || claims.exp * 1000 <= now) {
    throw new CloudRefusal(401, 'AuthenticationFail.OIDCToken.Expired', 'This JsonWebToken is expired.');
  }
  if (role.oidcProviderArn !== providerArn || (role.subject ?? claims.sub) !== claims.sub) {
    throw new CloudRefusal(401, 'AuthenticationFail.NoPermission', 'There is no permission');
  }
  return { ...openSession(request, role, identities, now), OIDCTokenInfo: { Subject: claims.sub } };
}

function openSession(request: CloudRequest, role: EmulatedRole, identities: IdentityStore, now: number): object {
  const sessionName = required(request, 'RoleSessionName');
  const seconds = Number(parameterOf(request, 'DurationSeconds') || 3600);
  if (!(seconds >= 900 && seconds <= (role.maxSessionSeconds ?? 43_200))) {
    throw new CloudRefusal(
      400,
      'InvalidParameter.DurationSeconds',
      'The Min/Max value of DurationSeconds is 15min/12h.',
    );
  }
  const [, accountId = ''] = /^acs:ram::(\d+):role\//.exec(role.arn) ?? [];
  const session = identities.openSession(accountId, now + seconds * 1000);
  return {
    RequestId: newRequestId(),
    AssumedRoleUser: { Arn: `${role.arn.replace(':role/', ':assumed-role/')}/${sessionName}` },
    Credentials: credentialsOf(session),
  };
}

/** A session as STS and the metadata service spell it: the expiration in UTC, whole seconds. */
export function credentialsOf(session: EmulatedSession): object {
  return {
    AccessKeyId: session.accessKeyId,
    AccessKeySecret: session.accessKeySecret,
    SecurityToken: session.securityToken,
    Expiration: `${new Date(session.expiresAt).toISOString().slice(0, 19)}Z`,
  };
}

interface OidcClaims {
  aud?: string | string[];
  sub?: string;
  exp?: number;
}

function claimsOf(token: string): OidcClaims {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as OidcClaims;
  } catch {
    throw new CloudRefusal(401, 'AuthenticationFail.OIDCToken.Invalid', 'This OIDC token is not a JSON Web Token.');
  }
}

function required(request: CloudRequest, name: string): string {
  const value = parameterOf(request, name);
  if (value === '') throw new CloudRefusal(400, `Missing${name}`, `${name} is mandatory for this action.`);
  return value;
}
