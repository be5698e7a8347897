import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { configEvents } from './config-events.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { INSTANCE, PROMISED_MS, REGISTRATION, useTestBed, type Configuration } from './test-bed.ts';
import { uniqueName } from './unique-name.ts';
import { MANAGED_IMAGE, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const DOMAIN = MANAGED_IMAGE.slice(0, MANAGED_IMAGE.indexOf('/'));
const prefix = uniqueName('walk');
/** What the edits are about, and what is none of their business. */
const [subject, bystander] = [`${prefix}-subject`, `${prefix}-bystander`];
const demo = `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n`;
const second = `- instanceId: cri-second\n  regionId: cn-beijing\n`;

const bed = useTestBed({ configuration: { 'watch-namespace': `${subject},${bystander}` } });
let secrets: ChangeRecorder<Secret>;
let accounts: ChangeRecorder<KubeObject>;
/** How often the bystander's pull Secret should have been written so far. */
let expectedWrites = 0;

beforeAll(async () => {
  bed.cloud.addInstance({ instanceId: 'cri-second', regionId: 'cn-beijing', name: 'second' });
  for (const namespace of [subject, bystander]) {
    await bed.namespace(namespace);
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'bystander' }, ['mine']));
    await bed.servedWithin(namespace, 10_000);
    await eventually(async () => (await bed.pullSecretsOf(namespace, 'default')).includes(PULL_SECRET));
    await eventually(async () => (await bed.pullSecretsOf(namespace, 'bystander')).includes(PULL_SECRET));
  }
  secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace: bystander });
  accounts = await ChangeRecorder.start(bed.client, resources.serviceAccounts, { namespace: bystander });
});
afterAll(async () => {
  await secrets[Symbol.asyncDispose]();
  await accounts[Symbol.asyncDispose]();
});

async function logins(): Promise<Record<string, { password: string; email?: string }>> {
  const secret = await bed.pullSecret(subject);
  return secret ? loginsOf(secret) : {};
}

const isServed = async () => (await bed.livePullSecret(subject)) !== undefined && (await isAttached('default'));
const isLeft = async () => (await bed.pullSecret(subject)) === undefined && !(await isAttached('default'));
const isAttached = async (name: string) => (await bed.pullSecretsOf(subject, name)).includes(PULL_SECRET);
const isRegistered = async () =>
  (await bed.find(resources.mutatingWebhookConfigurations, { name: REGISTRATION })) !== undefined;
const has = (domain: string) => async () => domain in (await logins());
const lacks = (domain: string) => async () => !(domain in (await logins()));
const inForce = (field: string, value: unknown) => async () => {
  const { configuration } = await bed.service.status();
  return JSON.stringify({ ...configuration }[field as never]) === JSON.stringify(value);
};

interface Step {
  /** What differs from the bed's configuration. */
  changes: Configuration;
  /** What is to be so within the promised time, for an edit that is accepted. */
  effect?: () => Promise<boolean>;
  /** What the Event says, for an edit that is refused. */
  refused?: RegExp;
  warned?: RegExp;
  /** Is it the bystander's business, too? */
  concernsAll?: boolean;
}

const info = (text: string): Configuration => ({ 'acr-registry-info': demo + text });

const steps: [string, Step][] = [
  ['stops naming the namespace', { changes: { 'watch-namespace': bystander }, effect: isLeft }],
  [
    'names it again, with stray commas',
    { changes: { 'watch-namespace': ` ${bystander} ,, ${subject},\n` }, effect: isServed },
  ],
  [
    'names what is no namespace',
    { changes: { 'watch-namespace': 'Team_A' }, refused: /watch-namespace line 1, column 1/ },
  ],
  ['names all and more', { changes: { 'watch-namespace': `${bystander}, all` }, refused: /`all` alone, or the names/ }],
  [
    'selects one ServiceAccount',
    { changes: { 'service-account': 'bystander' }, effect: async () => !(await isAttached('default')) },
  ],
  ['selects two', { changes: { 'service-account': 'bystander, default' }, effect: () => isAttached('default') }],
  [
    'selects what is no ServiceAccount',
    { changes: { 'service-account': 'a b' }, refused: /service-account line 1, column 1.*`a,b`/ },
  ],
  ['renews sooner', { changes: { 'expiring-threshold': '10m' }, effect: inForce('expiringThresholdMs', 600_000) }],
  [
    'renews as the prose has it',
    { changes: { 'expiring-threshold': '15min' }, effect: inForce('expiringThresholdMs', 900_000) },
  ],
  ['forgets the unit', { changes: { 'expiring-threshold': '20' }, refused: /`20m` or `20s`/ }],
  ['says no version', { changes: { 'acr-api-version': 'v2' }, refused: /acr-api-version line 1.*`2018-12-01`/ }],
  [
    'adds an instance for the namespace',
    {
      changes: info(`${second}  domains: one.example.com\n  namespaces: ${subject}\n`),
      effect: has('one.example.com'),
    },
  ],
  [
    'quotes each domain',
    {
      changes: info(`${second}  namespaces: ${subject}\n  domains: "two.example.com","three.example.com"\n`),
      effect: has('three.example.com'),
    },
  ],
  [
    'indents a field too far',
    {
      changes: info(`- instanceId: cri-second\n    regionId: cn-beijing\n`),
      refused: /line 4, column 5.*write `  regionId: cn-beijing`/,
    },
  ],
  [
    'writes all on one line',
    { changes: info('- instanceId: cri-second regionId: cn-beijing\n'), refused: /each field on a line of its own/ },
  ],
  [
    'leaves the instance to another namespace',
    { changes: info(`${second}  domains: two.example.com\n  namespaces: nobody\n`), effect: lacks('two.example.com') },
  ],
  [
    'writes JSON',
    {
      changes: {
        'acr-registry-info': JSON.stringify([
          { instanceId: INSTANCE.instanceId, regionId: INSTANCE.regionId },
          { instanceId: 'cri-second', regionId: 'cn-beijing', domains: 'four.example.com', namespaces: subject },
        ]),
      },
      effect: has('four.example.com'),
    },
  ],
  ['assumes what is no role', { changes: info(`${second}  assumeRoleARN: puller\n`), refused: /RAM role's ARN/ }],
  [
    'assumes a role for too short a time',
    {
      changes: info(`${second}  assumeRoleARN: acs:ram::1:role/a\n  expireDuration: 100\n`),
      refused: /line 6, column 19.*from 900 to 43200/,
    },
  ],
  [
    'wants RRSA without enabling it',
    {
      changes: info(
        `${second}  rrsaRoleARN: acs:ram::1:role/a\n  rrsaOIDCProviderRoleARN: acs:ram::1:oidc-provider/a\n`,
      ),
      refused: /the key `rrsa` does not enable it/,
    },
  ],
  ['enables RRSA perhaps', { changes: { rrsa: 'enable: perhaps' }, refused: /rrsa line 1, column 9/ }],
  [
    'gives half an AccessKey',
    { changes: info(`${second}  customAccessKey: LTAI1\n`), refused: /without `customAccessKeySecret`/ },
  ],
  [
    'misspells who gets the token',
    {
      changes: info(`${second}  namespace: ${subject}\n`),
      refused: /`namespace`, which is unknown; write `namespaces`/,
    },
  ],
  ['excludes the namespace', { changes: { 'exclude-namespace': subject }, effect: isLeft }],
  [
    'excludes it by a glob',
    {
      changes: { 'exclude-namespace': `nothing, ${prefix}-sub*` },
      effect: inForce('excludeNamespaces', ['nothing', `${prefix}-sub*`]),
    },
  ],
  ['excludes what could be no namespace', { changes: { 'exclude-namespace': 'Test-*' }, refused: /write `test-\*`/ }],
  ['excludes it no more', { changes: {}, effect: isServed }],
  [
    'says whom to notify',
    {
      changes: { 'notify-email': 'ops@example.com' },
      effect: async () => Object.values(await logins()).every(({ email }) => email === 'ops@example.com'),
      concernsAll: true,
    },
  ],
  ['says no address', { changes: { 'notify-email': 'ops' }, refused: /notify-email line 1.*not an e-mail address/ }],
  [
    'notifies nobody',
    {
      changes: {},
      effect: async () => Object.values(await logins()).every(({ email }) => email === undefined),
      concernsAll: true,
    },
  ],
  [
    'turns the webhook off',
    { changes: { 'webhook-configuration': 'enable: false' }, effect: async () => !(await isRegistered()) },
  ],
  [
    'has it wait too long',
    {
      changes: { 'webhook-configuration': 'enable: true\ntimeout-seconds: 31' },
      refused: /webhook-configuration line 2.*from 1 to 30/,
    },
  ],
  ['turns it on again', { changes: {}, effect: isRegistered }],
  [
    'merges what somebody keeps',
    { changes: { 'extra-auths': 'hub' }, effect: has('hub.example.com'), concernsAll: true },
  ],
  [
    'names what could be no Secret',
    { changes: { 'extra-auths': 'Hub!' }, refused: /extra-auths line 1.*not a Secret's name/ },
  ],
  ['merges it no more', { changes: {}, effect: lacks('hub.example.com'), concernsAll: true }],
  [
    'sets a key that nothing reads',
    { changes: { owner: 'team-a' }, warned: /`owner`, which is ignored as unknown; write one of / },
  ],
  [
    'misspells a key',
    {
      changes: { 'watch-namespaces': 'all' },
      refused: /`watch-namespaces`, which is unknown; write `watch-namespace`/,
    },
  ],
  [
    'goes back to the older key with a domain that tells nothing',
    { changes: { 'acr-registry-info': undefined, 'acr-registry': 'own.example.com' }, refused: /acr-registry-info/ },
  ],
];

describe(`a walk of ${steps.length} edits, each of which`, () => {
  beforeAll(async () => {
    const auths = { 'hub.example.com': { auth: btoa('user:password') } };
    await bed.user.create<Secret>(resources.secrets, {
      metadata: { namespace: bed.ownNamespace, name: 'hub' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': btoa(JSON.stringify({ auths })) },
    });
  });

  it.each(steps)('%s', async (_, { changes, effect, refused, warned, concernsAll = false }) => {
    const result = refused ? 'refused' : 'accepted';
    const before = await bed.service.metric('config_reloads_total', { result });
    const { configuration } = await bed.service.status();
    await bed.configure(changes);
    await eventually(async () => (await bed.service.metric('config_reloads_total', { result })) === before + 1, within);
    expect(await bed.service.metric('config_valid')).toBe(refused ? 0 : 1);
    if (refused) {
      await eventually(() => isTold('InvalidConfiguration', refused), within);
      expect((await bed.service.status()).configuration).toEqual(configuration);
    }
    if (warned) await eventually(() => isTold('ConfigurationWarning', warned), within);
    if (effect) await eventually(effect, within);

    if (concernsAll) expectedWrites += 1;
    await eventually(() => bystanderWrites() >= expectedWrites, within);
    expect(bystanderWrites()).toBe(expectedWrites);
    expect(await canPull(bystander)).toBe(true);
    expect(accounts.of(`${bystander}/bystander`)).toEqual([]);
  });
});

async function canPull(namespace: string): Promise<boolean> {
  const secret = await bed.pullSecret(namespace);
  const login = secret && loginsOf(secret)[DOMAIN];
  return login !== undefined && bed.cloud.isLive(login.username, login.password);
}

async function isTold(reason: string, text: RegExp): Promise<boolean> {
  return (await configEvents(bed, reason)).some(({ message }) => text.test(message));
}

function bystanderWrites(): number {
  return secrets.of(`${bystander}/${PULL_SECRET}`).length;
}
