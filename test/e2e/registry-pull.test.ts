import { beforeAll, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { personalDomains } from '../../src/registry/registry-host.ts';
import { eventually } from '../contract/eventually.ts';
import { loginsOf, PULL_SECRET } from '../contract/pull-secret-check.ts';
import { INSTANCE, useTestBed } from '../contract/test-bed.ts';
import { type AccessKeyPair, defaultAccountId } from '../sandbox/cloud/identity-store.ts';
import { PrivateRegistries, type PrivateRegistry } from './registry/private-registries.ts';
import type { Pull } from './registry/skopeo.ts';

const { name, instanceId, regionId } = INSTANCE;
const ENTERPRISE_DOMAINS = ['registry', 'registry-vpc'].map((label) => `${name}-${label}.${regionId}.cr.aliyuncs.com`);
const PERSONAL_DOMAINS = personalDomains(regionId);
const REGISTRIES: readonly PrivateRegistry[] = [
  {
    service: `registry.aliyuncs.com:${regionId}:china:${instanceId}`,
    domains: ENTERPRISE_DOMAINS,
    admits: (token) => token.instanceId === instanceId,
  },
  {
    service: `registry.aliyuncs.com:${regionId}`,
    domains: PERSONAL_DOMAINS,
    // An account's UID begins the names of its repositories.
    admits: (token, repository) => token.instanceId === undefined && repository.startsWith(`${token.accountId}/`),
  },
];
const enterpriseImage = `${name}-registry-vpc.${regionId}.cr.aliyuncs.com/team/app:1`;
const personalImage = (accountId: string) => `registry-vpc.${regionId}.aliyuncs.com/${accountId}/app:1`;

/** Nobody's login, or nobody's any more. */
const UNKNOWN_LOGIN = { refusal: expect.stringContaining('invalid username/password: unauthorized') as string };
/** No login for the registry, or a good one that is not for this image. */
const NO_ACCESS = { refusal: expect.stringContaining('unauthorized: authentication required') as string };
/** How fast the service is, is shown elsewhere. */
const patiently = { withinMs: 60_000 };

describe('images in private registries are pulled', () => {
  const bed = useTestBed({
    started: false,
    tokenLifeMs: 20_000,
    configuration: { 'acr-registry-info': JSON.stringify([{ instanceId, regionId }, { regionId }]) },
  });
  let registries: PrivateRegistries;
  let namespace = '';

  beforeAll(async () => {
    registries = await PrivateRegistries.start(bed.cloud, REGISTRIES);
    return () => registries[Symbol.asyncDispose]();
  });
  beforeAll(async () => {
    bed.cloud.personal(regionId);
    await bed.service.start();
    await bed.service.ready();
    namespace = await bed.namespace();
  });

  async function pushEach(images: readonly string[]): Promise<Pull[]> {
    const pushed: Pull[] = [];
    for (const image of images) pushed.push({ digest: await registries.push(image) });
    return pushed;
  }

  async function pullEach(images: readonly string[], secret?: Secret): Promise<Pull[]> {
    const pulled: Pull[] = [];
    for (const image of images) pulled.push(await registries.pull(image, secret));
    return pulled;
  }

  describe('of an Enterprise and a Personal instance', () => {
    const images = [enterpriseImage, personalImage(defaultAccountId)];
    let pushed: Pull[];
    let first: Secret;

    beforeAll(async () => {
      pushed = await pushEach(images);
      first = await bed.servedWithin(namespace, patiently.withinMs);
      bed.cloud.tokenLifeMs = 3_600_000; // only the first tokens end soon
    });

    it('with the Secret that the service wrote, by all of their names', async () => {
      expect(await pullEach(images, first)).toEqual(pushed);
      for (const [place, domains] of [ENTERPRISE_DOMAINS, PERSONAL_DOMAINS].entries()) {
        const names = domains.map((domain) => `${domain}/${pathOf(images[place] ?? '')}`);
        expect(await pullEach(names, first)).toEqual(names.map(() => pushed[place]));
      }
    });

    it("but not with each other's logins, without any, or with an invented one", async () => {
      const domains = images.map(domainOf);
      const logins = domains.map((domain) => loginsOf(first)[domain]);
      expect(await pullEach(images, secretOf(domains, logins.toReversed()))).toEqual([NO_ACCESS, NO_ACCESS]);
      expect(await pullEach(images)).toEqual([NO_ACCESS, NO_ACCESS]);
      const invented = logins.map((login) => ({ ...login, auth: btoa('cr_temp_user:invented') }));
      expect(await pullEach(images, secretOf(domains, invented))).toEqual([UNKNOWN_LOGIN, UNKNOWN_LOGIN]);
    });

    it('with the Secret of after a renewal, but not with a copy of before whose tokens ran out', async () => {
      const logins = Object.values(loginsOf(first));
      const isOver = () => logins.every(({ username, password }) => !bed.cloud.isLive(username, password));
      await eventually(isOver, patiently);
      expect(await pullEach(images, await bed.servedWithin(namespace, patiently.withinMs))).toEqual(pushed);
      expect(await pullEach(images, first)).toEqual([UNKNOWN_LOGIN, UNKNOWN_LOGIN]);
    });
  });

  describe('of two accounts on one Personal domain', () => {
    const accounts = ['2000000000000001', '2000000000000002'].map((accountId) => ({
      accountId,
      accessKeyId: `LTAI5tAccount${accountId}`,
      accessKeySecret: `secret-of-account-${accountId}`,
    }));
    const images = accounts.map(({ accountId }) => personalImage(accountId));
    let pushed: Pull[];
    let before: Secret[];

    beforeAll(async () => {
      for (const account of accounts) bed.cloud.addAccount(account);
      pushed = await pushEach(images);
      before = await secretsWith(accounts);
    });

    /** Configures both accounts, one in plain text and one by a Secret. @returns their pull Secrets. */
    async function secretsWith(pairs: readonly AccessKeyPair[]): Promise<Secret[]> {
      const [one, two] = pairs;
      await bed.user.apply<Secret>(resources.secrets, {
        metadata: { namespace: bed.ownNamespace, name: 'account-two' },
        data: { 'access-key-id': btoa(two?.accessKeyId ?? ''), 'access-key-secret': btoa(two?.accessKeySecret ?? '') },
      });
      const plain = { customAccessKey: one?.accessKeyId, customAccessKeySecret: one?.accessKeySecret };
      const entries = [plain, { customAccessKeySecretRef: 'account-two' }].map((identity) => ({
        regionId,
        ...identity,
      }));
      await bed.configure({ 'acr-registry-info': JSON.stringify(entries) });
      return Promise.all(pairs.map((pair, place) => eventually(() => secretWith(pair, place + 1), patiently)));
    }

    /** The namespace's pull Secret of that number, once it has a token of that AccessKey. */
    async function secretWith({ accessKeyId }: AccessKeyPair, number: number): Promise<Secret | undefined> {
      const name = number === 1 ? PULL_SECRET : `${PULL_SECRET}-${number}`;
      const secret = await bed.find<Secret>(resources.secrets, { namespace, name });
      const login = secret && loginsOf(secret)[domainOf(images[0] ?? '')];
      const token = login && bed.cloud.liveToken(login.username, login.password);
      return token?.accessKeyId === accessKeyId ? secret : undefined;
    }

    it('with the Secret of the account that they belong to, and not with that of the other', async () => {
      expect(await pullEach(images, before[0])).toEqual([pushed[0], NO_ACCESS]);
      expect(await pullEach(images, before[1])).toEqual([NO_ACCESS, pushed[1]]);
    });

    it('just so after a rotation of both AccessKeys, and not with the Secrets of before', async () => {
      const rotated = accounts.map(({ accessKeyId }) => bed.cloud.rotate(accessKeyId));
      for (const { accessKeyId } of accounts) bed.cloud.endTokens(accessKeyId);
      const after = await secretsWith(rotated);
      expect(await pullEach(images, after[0])).toEqual([pushed[0], NO_ACCESS]);
      expect(await pullEach(images, after[1])).toEqual([NO_ACCESS, pushed[1]]);
      expect(await pullEach(images, before[0])).toEqual([UNKNOWN_LOGIN, UNKNOWN_LOGIN]);
      expect(await pullEach(images, before[1])).toEqual([UNKNOWN_LOGIN, UNKNOWN_LOGIN]);
    });
  });
});

function domainOf(image: string): string {
  return image.slice(0, image.indexOf('/'));
}

function pathOf(image: string): string {
  return image.slice(image.indexOf('/') + 1);
}

/** A pull Secret with these logins, in the order of the domains. */
function secretOf(domains: readonly string[], logins: readonly unknown[]): Secret {
  const auths = Object.fromEntries(domains.map((domain, place) => [domain, logins[place]]));
  return { metadata: {}, data: { '.dockerconfigjson': btoa(JSON.stringify({ auths })) } };
}
