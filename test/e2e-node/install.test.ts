import { beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { loginsOf } from '../contract/pull-secret-check.ts';
import { runAtOnce } from '../contract/run-at-once.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { expectDone, OWN_NAMESPACE, patiently, RELEASE, useNodeBed } from './node-bed.ts';

const INSTALLS = Number(process.env.INSTALLS ?? 20);
const ROTATIONS = 2;
const UNKNOWN_LOGIN = expect.stringContaining('invalid username/password: unauthorized') as string;

describe('a service that was installed with the commands of the README', () => {
  const bed = useNodeBed(20_000);

  beforeAll(() => bed().install());

  it('`helm test` passes', async () => {
    expectDone(await bed().helm('test', RELEASE, '-n', OWN_NAMESPACE, '--timeout', '2m'));
  });

  it(`${INSTALLS} charts with a private image run at the first try, across two rotations of the tokens`, async () => {
    const namespaces = Array.from({ length: INSTALLS }, () => uniqueName('release'));
    const third = Math.ceil(INSTALLS / (ROTATIONS + 1));
    const pulledBefore = await bed().push('pulled-before');
    for (let round = 0; round <= ROTATIONS; round++) {
      if (round > 0) await rotated(namespaces[0] ?? '', pulledBefore);
      // Whether or not a copy of this image is on the node, each Pod's logins have to be good.
      const always = uniqueName('always');
      namespaces.push(always);
      await bed().installDemo(always, pulledBefore, { imagePullPolicy: 'Always' });
      const ours = namespaces.slice(round * third, Math.min((round + 1) * third, INSTALLS));
      await runAtOnce(3, ours, async (namespace) => bed().installDemo(namespace, await bed().push(namespace)));
      for (const namespace of [...ours, always]) await bed().running(namespace);
    }
    const failures = (await Promise.all(namespaces.map((namespace) => bed().pullFailures(namespace)))).flat();
    const tokens = bed().cloud.issuedTokens.length;
    console.log(`${namespaces.length} installs, all Pods run; ${tokens} tokens; failures to pull: ${failures.length}`);
    expect(failures).toEqual([]);
  });

  it('in a namespace that is not watched, the same chart gets no image', async () => {
    const namespace = uniqueName('unwatched');
    const labels = { 'acr-credential-injector/inject': 'false' };
    await bed().user.create(resources.namespaces, { metadata: { name: namespace, labels } });
    await bed().installDemo(namespace, await bed().push('unwatched'));
    const failures = await eventually(async () => {
      const seen = await bed().pullFailures(namespace);
      return seen.some((failure) => failure.includes('ErrImagePull')) && seen;
    }, patiently);
    expect(failures.join('\n')).toContain('Failed to pull image');
  });

  /** Resolves once the registry refuses what is in the namespace's pull Secret now, and takes what is there then. */
  async function rotated(namespace: string, image: string): Promise<void> {
    const old = await bed().pullSecret(namespace);
    const logins = Object.values(loginsOf(old));
    const isOver = () => logins.every(({ username, password }) => !bed().cloud.isLive(username, password));
    await eventually(isOver, patiently);
    expect(await bed().pull(image, old)).toEqual({ refusal: UNKNOWN_LOGIN });
    expect(await bed().pull(image, await bed().pullSecret(namespace))).toHaveProperty('digest');
  }
});
