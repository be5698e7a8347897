import { describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { configEventSaying } from './config-events.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';
import { MANAGED_IMAGE, namesIn, pod } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const DOMAIN = MANAGED_IMAGE.slice(0, MANAGED_IMAGE.indexOf('/'));

describe('entries of Secrets that somebody else keeps', () => {
  const bed = useTestBed();
  const login = (password: string) => ({ username: 'static', password, auth: btoa(`static:${password}`) });

  async function keep(name: string, auths: object): Promise<void> {
    await bed.user.apply<Secret>(resources.secrets, {
      metadata: { namespace: bed.ownNamespace, name },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
    });
  }

  async function passwordFor(namespace: string, key: string): Promise<string | undefined> {
    const secret = await bed.pullSecret(namespace);
    return secret && loginsOf(secret)[key]?.password;
  }

  it('are merged in, follow their Secrets, and go with them; a token wins over one of its domain', async () => {
    const namespace = await bed.servedNamespace();
    const token = await passwordFor(namespace, DOMAIN);
    await keep('hub', { 'hub.example.com:5000': login('one'), [DOMAIN]: login('loses') });
    await bed.configure({ 'extra-auths': 'hub' });
    await eventually(async () => (await passwordFor(namespace, 'hub.example.com:5000')) === 'one', within);
    expect(await passwordFor(namespace, DOMAIN)).toBe(token);

    await keep('hub', { 'hub.example.com:5000': login('two') });
    await eventually(async () => (await passwordFor(namespace, 'hub.example.com:5000')) === 'two', within);
    await bed.user.delete(resources.secrets, { namespace: bed.ownNamespace, name: 'hub' });
    await eventually(async () => (await passwordFor(namespace, 'hub.example.com:5000')) === undefined, within);
    expect(await passwordFor(namespace, DOMAIN)).toBe(token);
    await configEventSaying(bed, 'ExtraAuthsUnusable', /hub, which does not exist/);
    await bed.configure();
  });

  it('make their images ours to inject into', async () => {
    const namespace = await bed.servedNamespace();
    const image = { containers: [{ name: 'main', image: 'mirror.example.com:8443/team/app:1' }] };
    const create = async (name: string) => {
      // Its own list, so that nothing comes from the ServiceAccount.
      const spec = { ...image, imagePullSecrets: [{ name: 'mine' }] };
      return namesIn((await bed.user.create(resources.pods, pod({ namespace, name }, spec))).spec?.imagePullSecrets);
    };
    expect(await create('before')).toEqual(['mine']);
    await keep('mirror', { 'mirror.example.com:8443': login('x') });
    await bed.configure({ 'extra-auths': 'mirror' });
    await eventually(async () => (await passwordFor(namespace, 'mirror.example.com:8443')) === 'x', within);
    expect(await create('after')).toEqual(['mine', PULL_SECRET]);
    await bed.configure();
  });

  it('are one write each, whatever the number of Secrets that have not changed, and none after a restart', async () => {
    const namespace = await bed.servedNamespace();
    await keep('one', { 'one.example.com': login('x') });
    await keep('two', { 'one.example.com': login('hidden'), 'two.example.com': login('x') });
    await bed.configure({ 'extra-auths': 'one, two' });
    await eventually(async () => (await passwordFor(namespace, 'two.example.com')) === 'x', within);
    expect(await passwordFor(namespace, 'one.example.com')).toBe('x');
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace });
    await keep('two', { 'two.example.com': login('y') });
    await eventually(async () => (await passwordFor(namespace, 'two.example.com')) === 'y', within);
    await eventually(() => secrets.of(`${namespace}/${PULL_SECRET}`).length > 0, within);

    await bed.service.restart();
    await bed.service.ready();
    const fresh = await bed.namespace();
    await eventually(async () => (await passwordFor(fresh, 'two.example.com')) === 'y', within);
    expect(secrets.of(`${namespace}/${PULL_SECRET}`)).toHaveLength(1);
    await bed.configure();
  });
});
