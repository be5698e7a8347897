import { beforeEach, describe, expect, it } from 'vitest';
import type { LiveAdmissionView } from '../../src/admission/live-admission-view.ts';
import { configWith, registry } from '../builders/config.ts';
import { credentialsOf, credentialWith, HOUR_MS } from '../builders/credential.ts';
import { AdmissionWorld } from '../fakes/admission-world.ts';

let world: AdmissionWorld;
let view: LiveAdmissionView;

beforeEach(() => {
  world = new AdmissionWorld();
  world.putNamespace('a');
  view = world.view();
});

const a = () => view.of('a')!;

describe('what is known of a namespace', () => {
  it('is nothing before the first configuration', () => {
    world.config = undefined;
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
    world.putNamespace('a', { labels, deletionTimestamp: 'x' });
    world.putSecret('a/pull', 'Opaque');
    expect(a()).toMatchObject({
      isTarget: false,
      optedOut: true,
      terminating: true,
      secretKnown: false,
      foreignSecret: 'ForeignType',
    });
    world.putSecret('a/pull');
    expect(a()).toMatchObject({ secretKnown: true, foreignSecret: null });
  });

  it('is its name where no watch has brought it yet', () => {
    world.config = configWith({ watchNamespaces: ['new'] });
    expect(view.of('new')).toMatchObject({ isSeen: false, isTarget: true, optedOut: false, terminating: false });
    expect(view.of('other')).toMatchObject({ isTarget: false });
  });

  it('is how the API server takes a failure there', () => {
    world.config = configWith({ webhook: { enabled: true, failurePolicy: 'Fail', timeoutSeconds: 3 } });
    expect(a()).toMatchObject({ failurePolicy: 'Fail', timeoutSeconds: 3 });
    expect(view.of('kube-system')?.failurePolicy).toBe('Ignore');
    expect(view.of('acr')?.failurePolicy).toBe('Ignore');
    world.serverMinor = 20;
    expect(a().failurePolicy).toBe('Ignore');
  });

  it('is which ServiceAccounts are selected', () => {
    world.config = configWith({ serviceAccounts: ['default'] });
    expect([a().selectsServiceAccount('default'), a().selectsServiceAccount('x')]).toEqual([true, false]);
  });
});

describe('what is known of the tokens', () => {
  it('changes with time alone', () => {
    world.config = configWith({ registries: [registry, { ...registry, key: 'cri-b', instanceId: 'cri-b' }] });
    expect(a()).toMatchObject({ hasLiveCredential: true, deadRegistries: ['cri-b'] });
    world.clock.advance(HOUR_MS - 1);
    expect(a().hasLiveCredential).toBe(true);
    world.clock.advance(1);
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
    world.clock.advance(2 * HOUR_MS);
    expect(manages('shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(true);
  });

  it("are all of the region's while the domains are not known", () => {
    world.tokens = { generation: 2, credentials: {} };
    expect(manages('any-registry.cn-hangzhou.cr.aliyuncs.com/x')).toBe(true);
    expect(manages('any-registry.cn-beijing.cr.aliyuncs.com/x')).toBe(false);
  });

  it('follow new tokens, a new configuration, and the region of the cluster', () => {
    expect(manages('own.example.com/x')).toBe(false);
    world.tokens = {
      generation: 2,
      credentials: credentialsOf([registry, credentialWith({ domains: ['own.example.com'] })]),
    };
    expect(manages('own.example.com/x')).toBe(true);
    world.config = configWith({ registries: [{ key: 'personal', domains: [] }] });
    expect(manages('own.example.com/x')).toBe(false);
    expect(manages('registry.cn-shanghai.aliyuncs.com/x')).toBe(true);
    world.clusterRegion = 'cn-beijing';
    expect(manages('registry.cn-shanghai.aliyuncs.com/x')).toBe(false);
    expect(manages('registry.cn-beijing.aliyuncs.com/x')).toBe(true);
  });
});
