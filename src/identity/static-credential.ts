import Credentials, { Config } from '@alicloud/credentials';
import type { CloudCredentials } from './credentials-provider.ts';

// A CommonJS package: Node's import gives its exports, other loaders may give the class in them.
const Credential = 'default' in Credentials ? Credentials.default : Credentials;

/**
 * Credentials in the form in which Alibaba Cloud's SDK takes them: the explicit static provider. Never its default chain, which
 * looks in places that nobody configured and stays stuck on the last of them after one pass that failed.
 */
export function staticCredential(credentials: CloudCredentials): InstanceType<typeof Credential> {
  const { accessKeyId, accessKeySecret, securityToken } = credentials;
  const type = securityToken ? 'sts' : 'access_key';
  return new Credential(new Config({ type, accessKeyId, accessKeySecret, securityToken }));
}
