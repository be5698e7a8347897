import { describe, expect, it, vi } from 'vitest';
import { parseServeOptions } from '../../src/commands/serve-options.ts';
import { pullSecretNames } from '../../src/secrets/pull-secret.ts';
import { modern, render, type Rendered } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

const WEBHOOK_POLICY = 'ValidatingAdmissionPolicy acr-credential-injector-webhook';
const policiesOf = (objects: readonly Rendered[]) => objects.filter(({ kind }) => kind.startsWith('Validating'));

describe("the chart's ValidatingAdmissionPolicies", () => {
  it('are there where the API server has such, each with a binding that denies', async () => {
    const policies = policiesOf(await render(modern));
    const named = policies.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(named.sort()).toEqual([
      'ValidatingAdmissionPolicy acr-credential-injector-secrets',
      'ValidatingAdmissionPolicy acr-credential-injector-serviceaccounts',
      'ValidatingAdmissionPolicy acr-credential-injector-webhook',
      'ValidatingAdmissionPolicyBinding acr-credential-injector-secrets',
      'ValidatingAdmissionPolicyBinding acr-credential-injector-serviceaccounts',
      'ValidatingAdmissionPolicyBinding acr-credential-injector-webhook',
    ]);
    for (const { kind, metadata, spec } of policies) {
      const isBinding = kind.endsWith('Binding');
      expect(spec).toMatchObject(
        isBinding ? { policyName: metadata.name, validationActions: ['Deny'] } : { failurePolicy: 'Fail' },
      );
    }
  });

  it.each([
    ['an older API server', { kubeVersion: '1.29.0' }],
    ['values that say so', { ...modern, values: { admissionPolicy: { enabled: false } } }],
  ])('are not there with %s', async (_, options) => {
    expect(policiesOf(await render(options))).toEqual([]);
  });

  it('are about the service that the chart runs, and nobody else', async () => {
    const values = { fullnameOverride: 'pulls', secretName: 'pull' };
    const policies = policiesOf(await render({ ...modern, values, namespace: 'platform' }));
    const specs = policies.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy').map(({ spec }) => spec as Spec);
    const identity = "request.userInfo.username == 'system:serviceaccount:platform:pulls'";
    for (const { matchConditions } of specs) expect(matchConditions).toMatchObject([{ expression: identity }]);
    const [secrets, serviceAccounts, webhook] = specs.map(expressionsOf);
    const names = JSON.stringify(pullSecretNames('pull'));
    expect(secrets).toContain(names);
    expect(secrets).toContain('metadata.namespace == "platform"');
    expect(serviceAccounts).toContain(names);
    expect(webhook).toContain('.?namespace.orValue(\'\') == "platform"');
    expect(webhook).toContain('.?name.orValue(\'\') == "pulls"');
    expect(webhook).toContain('owner.name == "pulls"');
  });

  it.each<[what: string, values: Values]>([
    ['a flag', { extraArgs: ['--webhook-url=https://a.example', '--region=x'] }],
    ['a flag in two words', { extraArgs: ['--webhook-url', 'https://a.example', '--region=x'] }],
    ['the last flag', { extraArgs: ['--webhook-url=https://b.example', '--webhook-url=https://a.example'] }],
    ['a variable', { extraEnv: [{ name: 'ACR_INJECTOR_WEBHOOK_URL', value: 'https://a.example' }] }],
    [
      'a flag, whatever the variable',
      {
        extraArgs: ['--webhook-url=https://a.example'],
        extraEnv: [{ name: 'ACR_INJECTOR_WEBHOOK_URL', value: 'https://b.example' }],
      },
    ],
  ])('allow for the webhook a URL, and no Service, where the service is given one by %s', async (_, values) => {
    const webhook = await webhookExpressions(values);
    expect(webhook).toContain('webhook.clientConfig.?url.orValue(\'\') == "https://a.example"');
    expect(webhook).not.toContain('clientConfig.?service');
    expect(parseServeOptions(values.extraArgs ?? [], environmentOf(values))).toMatchObject({
      webhookUrl: 'https://a.example',
    });
  });

  it.each([
    ['another flag', { extraArgs: ['--region=x'] }],
    ['an empty one', { extraArgs: ['--webhook-url='] }],
  ])('allow no URL with %s', async (_, values) => {
    expect(await webhookExpressions(values)).toContain('!has(webhook.clientConfig.url)');
  });
});

interface Values {
  extraArgs?: string[];
  extraEnv?: { name: string; value: string }[];
}

interface Spec {
  matchConditions: object[];
  variables: { expression: string }[];
  validations: { expression: string }[];
}

const expressionsOf = ({ variables, validations }: Spec) =>
  [...variables, ...validations].map(({ expression }) => expression).join('\n');

async function webhookExpressions(values: object): Promise<string> {
  const objects = await render({ ...modern, values });
  const policy = objects.find(({ kind, metadata }) => `${kind} ${metadata.name}` === WEBHOOK_POLICY);
  return expressionsOf(policy?.spec as Spec);
}

const environmentOf = ({ extraEnv = [] }: Values) =>
  Object.fromEntries(extraEnv.map(({ name, value }) => [name, value]));
