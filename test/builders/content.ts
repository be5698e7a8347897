import type { DesiredSecrets } from '../../src/secrets/desired-content.ts';
import { pullSecretContent, type ContentSources, type PullSecretContent } from '../../src/secrets/pull-secret.ts';
import { credentialWith, START } from './credential.ts';

/** What a pull Secret of one entry, `cri-a`, is made of. */
export function sourcesWith(fields: Partial<ContentSources> = {}): ContentSources {
  return {
    tokens: { generation: 1, credentials: new Map([['cri-a', credentialWith()]]) },
    layer: new Map([['shop-registry.cn-hangzhou.cr.aliyuncs.com', ['cri-a']]]),
    email: undefined,
    others: {},
    isSettled: true,
    expectsTokens: true,
    ...fields,
  };
}

/** What pull Secrets hold when the one token has this password, in this generation of the tokens Secret. */
export function contentOf(password: string, generation = 1): PullSecretContent {
  const tokens = { generation, credentials: new Map([['cri-a', credentialWith({ password })]]) };
  return pullSecretContent(sourcesWith({ tokens }), START);
}

/** What they hold while there is neither a token nor anything else. */
export function emptyContent(generation = 1): PullSecretContent {
  return pullSecretContent(sourcesWith({ tokens: { generation, credentials: new Map() } }), START);
}

/** A namespace's pull Secrets: `pull`, `pull-2` and so on, with these contents; undefined for an empty one. */
export function desiredSecrets(...contents: (PullSecretContent | undefined)[]): DesiredSecrets {
  const secrets = contents.map((content, index) => {
    const name = index === 0 ? 'pull' : `pull-${index + 1}`;
    return { name, content: content ?? emptyContent(), staleHash: 'none' };
  });
  return { secrets, mayNeed: secrets.map(({ name }) => name) };
}
