import { LiveAdmissionView } from '../../src/admission/live-admission-view.ts';
import type { Config } from '../../src/config/config.ts';
import type { TokensState } from '../../src/credentials/tokens-secret.ts';
import { knownDomains } from '../../src/registry/managed-domains.ts';
import { DesiredContent } from '../../src/secrets/desired-content.ts';
import type { MergedAuths } from '../../src/secrets/extra-auths.ts';
import { LiveSources } from '../../src/secrets/pull-secret-sources.ts';
import { PULL_SECRET_TYPE } from '../../src/secrets/pull-secret.ts';
import { PullSecretWriter } from '../../src/secrets/pull-secret-writer.ts';
import { observeSecret, type ObservedSecret } from '../../src/secrets/secret-drift.ts';
import { observeNamespace, type ObservedNamespace } from '../../src/targets/target-selector.ts';
import { configWith, registry } from '../builders/config.ts';
import { credentialsOf, credentialWith } from '../builders/credential.ts';
import { namespaceNamed, secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryApi } from './memory-api.ts';
import { openGuard } from './open-guard.ts';

/** All that an admission view is made of, for a test to change: a registry with a live token, and nothing else. */
export class AdmissionWorld {
  readonly clock = new ManualClock();
  config: Config | undefined = configWith();
  tokens: TokensState = { generation: 1, credentials: credentialsOf([registry, credentialWith()]) };
  extraAuths: MergedAuths = { auths: {}, isSettled: true };
  clusterRegion: string | undefined;
  paused = false;
  serverMinor = 30;
  readonly #namespaces = new Map<string, ObservedNamespace>();
  readonly #secrets = new Map<string, ObservedSecret>();

  /** A watch brings the namespace. */
  putNamespace(name: string, metadata: Parameters<typeof namespaceNamed>[1] = {}): void {
    this.#namespaces.set(name, observeNamespace(namespaceNamed(name, metadata)));
  }

  removeNamespace(name: string): void {
    this.#namespaces.delete(name);
  }

  /** A watch brings the Secret. @param key `namespace/name`. */
  putSecret(key: string, type: string = PULL_SECRET_TYPE): void {
    this.#secrets.set(key, observeSecret(secretAt(key, { type })));
  }

  removeSecret(key: string): void {
    this.#secrets.delete(key);
  }

  /** One that knows nothing yet. */
  view(): LiveAdmissionView {
    const { clock } = this;
    const secretName = 'pull';
    const sources = new LiveSources({
      config: () => this.config,
      tokens: () => this.tokens,
      extraAuths: () => this.extraAuths,
      clusterRegion: () => this.clusterRegion,
    });
    const desired = new DesiredContent({
      clock,
      sources,
      domainsOf: knownDomains,
      secretName,
      onLeftOut: () => undefined,
      onTooLarge: () => undefined,
    });
    const secrets = new PullSecretWriter({
      clock,
      client: new MemoryApi(),
      secrets: {
        get: ({ namespace, name }) => this.#secrets.get(`${namespace}/${name}`),
        observe: () => undefined,
        hasSynced: true,
      },
      secretName,
      desired: (namespace) => desired.of(namespace),
      loopGuard: openGuard,
      onWritten: () => undefined,
    });
    return new LiveAdmissionView({
      sources,
      paused: () => this.paused,
      namespaces: { get: ({ name }) => this.#namespaces.get(name) },
      secrets,
      secretName,
      ownNamespace: 'acr',
      serverMinor: () => this.serverMinor,
      now: () => clock.now(),
    });
  }
}
