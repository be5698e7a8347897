import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { INSTANCE, PROMISED_MS, useTestBed } from '../contract/test-bed.ts';
import { render } from '../chart/render-chart.ts';
import { applying, GitOpsTool, merged, without, type Manifest } from './gitops-tool.ts';
import { kubeconfigOf } from './limited-user.ts';

const NAME = 'acr-credential-injector';
const TEAM = 'gitops-team';
const configuration = (enable: boolean) => ({
  'acr-registry-info': `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n`,
  'watch-namespace': TEAM,
  'service-account': '*',
  'webhook-configuration': `enable: ${enable}\n`,
});
const account = (name: string, ...own: string[]): Manifest => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: TEAM, labels: { team: 'a' } },
  ...(own.length > 0 && { imagePullSecrets: own.map((each) => ({ name: each })) }),
});
const accounts = [account('plain'), account('listed', 'mine')];

/** What the page has Argo CD and Flux ignore of ServiceAccounts. */
const ignored = ignoredByPage();

describe.each(Object.keys(applying) as (keyof typeof applying)[])('a GitOps tool that uses %s', (how) => {
  let chart: Manifest[] = [];
  let tool: GitOpsTool;
  let kubeconfig = '';
  const bed = useTestBed({
    ownNamespace: NAME,
    configMap: 'kube-system/acr-configuration',
    configuration: null,
    tokenLifeMs: 20_000,
    flags: { 'owner-cluster-role': NAME },
    serviceKubeconfig: async (administrator) => {
      tool = new GitOpsTool(administrator, how);
      chart = await chartWith(true);
      await tool.sync(chart);
      return (kubeconfig = await kubeconfigOf({ namespace: NAME, name: NAME }, administrator));
    },
  });

  afterAll(async () => {
    await tool.remove(chart);
    await rm(dirname(kubeconfig), { recursive: true });
  });

  const listOf = (name: string) => bed.pullSecretsOf(TEAM, name);

  it('finds nothing to do after the service has worked for a while', async () => {
    const namespace = await bed.namespace(TEAM);
    await bed.servedWithin(namespace);
    await tool.sync(accounts);
    const issued = bed.cloud.issuedTokens.length;
    await eventually(() => bed.cloud.issuedTokens[issued], { withinMs: 30_000 });
    await eventually(async () => (await bed.service.metric('self_test_success')) === 1);
    expect(await tool.predicted(chart)).toEqual(await tool.live(chart));
  });

  it("sees no drift of somebody's ServiceAccounts that it asks the API server about", async () => {
    expect([await listOf('plain'), await listOf('listed')]).toEqual([[PULL_SECRET], ['mine', PULL_SECRET]]);
    expect(await tool.predicted(accounts)).toEqual(await tool.live(accounts));
  });

  it('sees drift of lists that are in Git when it compares by itself, unless it ignores what the page says', async () => {
    const live = await tool.live(accounts);
    const desired = live.map((each, index) => merged(each, accounts[index] ?? {}));
    expect(desired[0]).toEqual(live[0]);
    expect(desired[1]).not.toEqual(live[1]);
    expect(desired.map((each) => without(each, ignored.argoCd))).toEqual(
      live.map((each) => without(each, ignored.argoCd)),
    );
  });

  it('takes nothing away by a sync, and its edits of a list count', async () => {
    await tool.sync([account('listed', 'mine', 'another')]);
    expect(await listOf('listed')).toEqual(['mine', 'another', PULL_SECRET]);
    await tool.sync(accounts);
    expect(await listOf('listed')).toEqual(['mine', PULL_SECRET]);
  });

  it('sees no drift without the webhook, if it ignores what the page says', async () => {
    chart = await chartWith(false);
    await tool.sync(chart);
    await eventually(async () => (await bed.service.status()).configuration?.webhook.enabled === false);
    const late = [account('late-plain'), account('late-listed', 'mine')];
    await tool.sync(late);
    await eventually(async () => (await listOf('late-listed')).includes(PULL_SECRET), { withinMs: PROMISED_MS });
    await eventually(async () => (await listOf('late-plain')).includes(PULL_SECRET), { withinMs: PROMISED_MS });
    const [predicted, live] = [await tool.predicted(late), await tool.live(late)];
    expect(predicted[0]).toEqual(live[0]);
    expect(predicted[1]).not.toEqual(live[1]);
    for (const pointers of [ignored.argoCd, ignored.flux]) {
      expect(predicted.map((each) => without(each, pointers))).toEqual(live.map((each) => without(each, pointers)));
    }
    expect(await tool.predicted(chart)).toEqual(await tool.live(chart));
  });
});

async function chartWith(webhook: boolean): Promise<Manifest[]> {
  const values = { configuration: configuration(webhook) };
  return (await render({ namespace: NAME, kubeVersion: '1.20.2', values })) as unknown as Manifest[];
}

interface ArgoCdRule {
  kind: string;
  jsonPointers: string[];
}

interface FluxRule {
  target: { kind: string };
  paths: string[];
}

function ignoredByPage(): { argoCd: string[]; flux: string[] } {
  const page = readFileSync('docs/gitops.md', 'utf8');
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => loadAll(block));
  const specs = blocks.map((block) => (block as { spec: object }).spec);
  const argoCd = specs.flatMap((spec) => ('ignoreDifferences' in spec ? (spec.ignoreDifferences as ArgoCdRule[]) : []));
  const flux = specs.flatMap((spec) => {
    const { ignore = [] } = ('driftDetection' in spec ? spec.driftDetection : {}) as { ignore?: FluxRule[] };
    return ignore;
  });
  const ofAccounts = {
    argoCd: argoCd.filter(({ kind }) => kind === 'ServiceAccount').flatMap(({ jsonPointers }) => jsonPointers),
    flux: flux.filter(({ target }) => target.kind === 'ServiceAccount').flatMap(({ paths }) => paths),
  };
  expect(ofAccounts).toEqual({ argoCd: ['/imagePullSecrets'], flux: ['/imagePullSecrets'] });
  return ofAccounts;
}
