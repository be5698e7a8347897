import { pullSecretContent, type PullSecretContent } from '../../src/secrets/pull-secret.ts';
import { credentialWith, START } from './credential.ts';

/** What pull Secrets hold when the one token has this password, in this generation of the tokens Secret. */
export function contentOf(password: string, generation = 1): PullSecretContent {
  const credentials = { 'cri-a': credentialWith({ password }) };
  const content = pullSecretContent({ generation, credentials }, ['cri-a'], START);
  if (!content) throw new Error('no live token');
  return content;
}
