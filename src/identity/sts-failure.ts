import type { CloudApiError } from '../errors.ts';
import { type ApiFailure, cloudApiError, type Remedies } from '../openapi/api-failure.ts';

/** The error of a call of the Security Token Service. */
export function stsError(failure: ApiFailure, subject: { action: string; roleArn: string }): CloudApiError {
  const { action, roleArn } = subject;
  const remedies = action === 'AssumeRole' ? ofAssumeRole : ofAssumeRoleWithOidc;
  return cloudApiError(failure, `${action} of ${roleArn}`, remedies);
}

const duration =
  'the session may not last that long; lower expireDuration (900 s or more), or raise the maximum session duration of the role';

const ofBoth: Remedies = {
  'InvalidParameter.DurationSeconds': duration,
  'InvalidParameter.RoleArn': 'that is no ARN of a role; write acs:ram::<account>:role/<name>',
};

const ofAssumeRole: Remedies = {
  ...ofBoth,
  'EntityNotExist.Role': 'there is no such role; correct assumeRoleARN in acr-registry-info',
  NoPermission:
    "the caller may not assume the role; name it in the role's trust policy and grant it sts:AssumeRole " +
    '(the AccessKey of a root account can assume no role: use that of a RAM user)',
};

const noTrust =
  "the role does not trust this ServiceAccount; name it as oidc:sub in the role's trust policy, and correct " +
  'rrsaOIDCProviderRoleARN';

/** Codes of https://help.aliyun.com/zh/ram/developer-reference/api-sts-2015-04-01-errorcodes */
const ofAssumeRoleWithOidc: Remedies = {
  ...ofBoth,
  'EntityNotExist.Role': 'there is no such role; correct rrsaRoleARN in acr-registry-info',
  'InvalidParameter.OIDCProviderArn':
    'rrsaOIDCProviderRoleARN is no ARN of an OIDC provider; write acs:ram::<account>:oidc-provider/<name>',
  'EntityNotExist.OIDCProvider': 'there is no such OIDC provider; correct rrsaOIDCProviderRoleARN in acr-registry-info',
  NoPermission: noTrust,
  'AuthenticationFail.NoPermission': noTrust,
  'AuthenticationFail.OIDCToken': "the ServiceAccount's token is not accepted; enable RRSA for this very cluster",
  'AuthenticationFail.OIDCToken.Expired':
    "the ServiceAccount's token has expired: kubelet renews it in the file, unless the file was copied",
  'AuthenticationFail.OIDCToken.AudienceNotMatch':
    "the ServiceAccount's token is meant for somebody else; project it with the audience sts.aliyuncs.com",
};
