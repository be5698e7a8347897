import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeObject, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { kubeconfigOf } from '../e2e/limited-user.ts';
import { OWN_NAMESPACE, RELEASE, useNodeBed } from './node-bed.ts';

/** What the service may read, by name: the pull Secrets anywhere, and in the own namespace what it keeps or gets credentials from. */
const PULL_SECRETS = [PULL_SECRET, ...[2, 3, 4, 5].map((number) => `${PULL_SECRET}-${number}`)];
const OWN_SECRETS = [`${RELEASE}-tokens`, `${RELEASE}-ca`, 'alibaba-addon-secret'].map(
  (name) => `${OWN_NAMESPACE}/${name}`,
);

describe("the service's ServiceAccount", () => {
  const bed = useNodeBed();
  const team = uniqueName('team');

  beforeAll(async () => {
    await bed().install();
    await bed().installDemo(team, await bed().push('1'));
    await bed().user.create<Secret>(resources.secrets, { metadata: { namespace: team, name: 'of-the-team' } });
    await bed().pullSecret(team);
  });

  it('reads no Secret but its own names, of all that there are in any namespace', async () => {
    const kubeconfig = await kubeconfigOf({ namespace: OWN_NAMESPACE, name: RELEASE }, bed().kubeconfig);
    const limited = new KubeClient(KubeConnection.load(kubeconfig, systemClock));
    const { items: secrets } = await bed().client.list<Secret>(resources.secrets);
    const readable: string[] = [];
    for (const { metadata } of secrets) {
      const { namespace, name = '' } = metadata;
      const byName = { namespace, fieldSelector: `metadata.name=${name}` };
      const attempts = [limited.get(resources.secrets, { namespace, name }), limited.list(resources.secrets, byName)];
      const answers = await Promise.all(attempts.map((attempt) => attempt.then(() => true, refused)));
      if (answers.includes(true)) readable.push(`${namespace}/${name}`);
    }
    const expected = secrets
      .map(keyOf)
      .filter((key) => PULL_SECRETS.includes(key.split('/')[1] ?? '') || OWN_SECRETS.includes(key));
    expect(readable.sort()).toEqual(expected.sort());
    expect(expected).toContain(`${team}/${PULL_SECRET}`);
    const { items: namespaces } = await bed().client.list<KubeObject>(resources.namespaces);
    for (const { metadata } of [{ metadata: { name: undefined } }, ...namespaces]) {
      expect(await limited.list(resources.secrets, { namespace: metadata.name }).catch(refused)).toBe(false);
    }
    console.log(`${secrets.length} Secrets in ${namespaces.length} namespaces, ${readable.length} of them can be read`);
    await limited.close();
    await rm(dirname(kubeconfig), { recursive: true });
  });

  it('has the rights that `kubectl auth can-i --list` shows', async () => {
    const account = `system:serviceaccount:${OWN_NAMESPACE}:${RELEASE}`;
    for (const namespace of [OWN_NAMESPACE, team]) {
      const { stdout } = await bed().kubectl('auth', 'can-i', '--list', `--as=${account}`, '-n', namespace);
      console.log(`in ${namespace}:\n${stdout}`);
      const onSecrets = stdout.split('\n').filter((line) => /^secrets\s/.test(line));
      expect(onSecrets.length).toBeGreaterThan(0);
      // Resources, URLs, names, verbs: what names no Secret is for all of them.
      for (const line of onSecrets) expect(line).toMatch(/^secrets\s+\[\]\s+\[[a-z0-9. -]+\]\s+\[/);
    }
  });
});

function refused(error: unknown): false {
  expect(error).toMatchObject({ status: 403 });
  return false;
}

function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return `${namespace}/${name}`;
}
