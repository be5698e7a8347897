import { beforeEach, describe, expect, it } from 'vitest';
import { LiveAdmissionView } from '../../src/admission/live-admission-view.ts';
import type { Config } from '../../src/config/config.ts';
import type { TokensState } from '../../src/credentials/tokens-secret.ts';
import { knownDomains } from '../../src/registry/managed-domains.ts';
import { DesiredContent } from '../../src/secrets/desired-content.ts';
import type { MergedAuths } from '../../src/secrets/extra-auths.ts';
import { LiveSources } from '../../src/secrets/pull-secret-sources.ts';
import { PullSecretWriter } from '../../src/secrets/pull-secret-writer.ts';
import { observeSecret, type ObservedSecret } from '../../src/secrets/secret-drift.ts';
import { observeNamespace, type ObservedNamespace } from '../../src/targets/target-selector.ts';
import { configWith, registry } from '../builders/config.ts';
import { credentialsOf, credentialWith, HOUR_MS } from '../builders/credential.ts';
import { namespaceNamed, secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';
import { openGuard } from '../fakes/open-guard.ts';

let clock: ManualClock;
let config: Config | undefined;
let tokens: TokensState;
let namespaces: Map<string, ObservedNamespace>;
let secrets: Map<string, ObservedSecret>;
let extraAuths: MergedAuths;
let paused: boolean;
let clusterRegion: string | undefined;
let serverMinor: number;
let view: LiveAdmissionView;

beforeEach(() => {
  clock = new ManualClock();
  config = configWith();
  tokens = { generation: 1, credentials: credentialsOf([registry, credentialWith()]) };
  namespaces = new Map([['a', observeNamespace(namespaceNamed('a'))]]);
  secrets = new Map();
  extraAuths = { auths: {}, isSettled: true };
  paused = false;
  clusterRegion = undefined;
  serverMinor = 30;
  const sources = new LiveSources({
    config: () => config,
    tokens: () => tokens,
    extraAuths: () => extraAuths,
    clusterRegion: () => clusterRegion,
  });
  const desired = new DesiredContent({
    clock,
    sources,
    domainsOf: knownDomains,
    secretName: 'pull',
    onLeftOut: () => undefined,
    onTooLarge: () => undefined,
  });
  view = new LiveAdmissionView({
    sources,
    paused: () => paused,
    namespaces: { get: ({ name }) => namespaces.get(name) },
    secrets: new PullSecretWriter({
      clock,
      client: new MemoryApi(),
      secrets: {
        get: ({ namespace, name }) => secrets.get(`${namespace}/${name}`),
        observe: () => undefined,
        hasSynced: true,
      },
      secretName: 'pull',
      desired: (namespace) => desired.of(namespace),
      loopGuard: openGuard,
      onWritten: () => undefined,
    }),
    secretName: 'pull',
    ownNamespace: 'acr',
    serverMinor: () => serverMinor,
    now: () => clock.now(),
  });
});

const a = () => view.of('a')!;

describe('what is known of a namespace', () => {
  it('is nothing before the first configuration', () => {
    config = undefined;
    expect(view.of('a')).toBeUndefined();
  });

  it('is what the watches have brought', () => {
    expect(a()).toMatchObject({
      isSeen: true,
      isTarget: true,
      optedOut: false,
      terminating: false,
      secretKnown: false,
    });
    const labels = { 'acr-credential-injector/inject': 'false' };
    namespaces.set('a', observeNamespace(namespaceNamed('a', { labels, deletionTimestamp: 'x' })));
    secrets.set('a/pull', observeSecret(secretAt('a/pull', { type: 'Opaque' })));
    expect(a()).toMatchObject({
      isTarget: false,
      optedOut: true,
      terminating: true,
      secretKnown: false,
      foreignSecret: 'ForeignType',
    });
    secrets.set('a/pull', observeSecret(secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' })));
    expect(a()).toMatchObject({ secretKnown: true, foreignSecret: null });
  });

  it('is its name where no watch has brought it yet', () => {
    config = configWith({ watchNamespaces: ['new'] });
    expect(view.of('new')).toMatchObject({ isSeen: false, isTarget: true, optedOut: false, terminating: false });
    expect(view.of('other')).toMatchObject({ isTarget: false });
  });

  it('is how the API server takes a failure there', () => {
    config = configWith({ webhook: { enabled: true, failurePolicy: 'Fail', timeoutSeconds: 3 } });
    expect(a()).toMatchObject({ failurePolicy: 'Fail', timeoutSeconds: 3 });
    expect(view.of('kube-system')?.failurePolicy).toBe('Ignore');
    expect(view.of('acr')?.failurePolicy).toBe('Ignore');
    serverMinor = 20;
    expect(a().failurePolicy).toBe('Ignore');
  });

  it('is which ServiceAccounts are selected', () => {
    config = configWith({ serviceAccounts: ['default'] });
    expect([a().selectsServiceAccount('default'), a().selectsServiceAccount('x')]).toEqual([true, false]);
  });
});

describe('what is known of the tokens', () => {
  it('changes with time alone', () => {
    config = configWith({ registries: [registry, { ...registry, key: 'cri-b', instanceId: 'cri-b' }] });
    expect(a()).toMatchObject({ hasLiveCredential: true, deadRegistries: ['cri-b'] });
    clock.advance(HOUR_MS - 1);
    expect(a().hasLiveCredential).toBe(true);
    clock.advance(1);
    expect(a()).toMatchObject({ hasLiveCredential: false, deadRegistries: ['cri-a', 'cri-b'] });
  });
});

describe('the images that are ours', () => {
  const manages = (image: string) => a().managesImage(image);

  it('are those of the domains that a token opens', () => {
    expect(manages('shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(true);
    expect(manages('other-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(false);
    expect(manages('nginx')).toBe(false);
  });

  it('are still those when the token has expired', () => {
    clock.advance(2 * HOUR_MS);
    expect(manages('shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(true);
  });

  it("are all of the region's while the domains are not known", () => {
    tokens = { generation: 2, credentials: {} };
    expect(manages('any-registry.cn-hangzhou.cr.aliyuncs.com/x')).toBe(true);
    expect(manages('any-registry.cn-beijing.cr.aliyuncs.com/x')).toBe(false);
  });

  it('follow new tokens, a new configuration, and the region of the cluster', () => {
    expect(manages('own.example.com/x')).toBe(false);
    tokens = {
      generation: 2,
      credentials: credentialsOf([registry, credentialWith({ domains: ['own.example.com'] })]),
    };
    expect(manages('own.example.com/x')).toBe(true);
    config = configWith({ registries: [{ key: 'personal', domains: [] }] });
    expect(manages('own.example.com/x')).toBe(false);
    expect(manages('registry.cn-shanghai.aliyuncs.com/x')).toBe(true);
    clusterRegion = 'cn-beijing';
    expect(manages('registry.cn-shanghai.aliyuncs.com/x')).toBe(false);
    expect(manages('registry.cn-beijing.aliyuncs.com/x')).toBe(true);
  });
});
