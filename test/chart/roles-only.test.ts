import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parseCleanupOptions } from '../../src/commands/cleanup-options.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';
import { pullSecretNames } from '../../src/secrets/pull-secret.ts';
import { containerOf, jobOf, modern, only, render, renderCleanup, type Rendered } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

const values = { namespaces: ['team-a', 'team-b'] };
const pullSecrets = pullSecretNames('acr-credential-secret-aggregation');

/** What a Role grants, one line a resource: `secrets a,b: get,list`. */
function rightsIn(objects: readonly Rendered[], namespace: string): string[] {
  const roles = objects.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === namespace);
  const rules = roles.flatMap((role) => role.rules ?? []);
  return rules.map(({ resources = [], resourceNames = [], verbs }) =>
    `${resources.join()} ${resourceNames.join()}: ${verbs.join()}`.replace(' :', ':'),
  );
}

const namespacesOf = (objects: readonly Rendered[], kind: string) =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.namespace);

describe('with `namespaces`', () => {
  let objects: Rendered[];
  beforeAll(async () => {
    objects = await render({ ...modern, values });
  }, 60_000);

  it('nothing of the whole cluster is installed, on API servers of any age', () => {
    expect(objects.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
  });

  it('there is a Role, bound to the service, in each of them, beside the service and beside the ConfigMap', () => {
    const places = ['acr', 'kube-system', 'team-a', 'team-b'];
    expect(namespacesOf(objects, 'Role').sort()).toEqual(places);
    expect(namespacesOf(objects, 'RoleBinding').sort()).toEqual(places);
    for (const { roleRef, subjects } of objects.filter(({ kind }) => kind === 'RoleBinding')) {
      expect(roleRef).toMatchObject({ kind: 'Role', name: 'acr-credential-injector' });
      expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'acr-credential-injector', namespace: 'acr' }]);
    }
  });

  it('rights are by name', () => {
    expect(rightsIn(objects, 'team-a')).toEqual([
      'namespaces team-a: get',
      'serviceaccounts: get,list,watch,patch',
      `secrets ${pullSecrets.join()}: list,watch,create,patch,delete`,
      'events: create',
    ]);
    expect(rightsIn(objects, 'acr')).toEqual([
      'secrets acr-credential-injector-tokens: get,list,watch,create,patch',
      'leases acr-credential-injector: list,watch,create,patch',
      'secrets alibaba-addon-secret: list,watch',
      'events: create',
    ]);
    expect(rightsIn(objects, 'kube-system')).toEqual(['configmaps acr-configuration: list,watch', 'events: create']);
  });

  it('one Role holds all where they are one namespace', async () => {
    const all = { namespaces: ['acr'], configMap: { namespace: 'acr' }, secretName: 'pull' };
    const rights = rightsIn(await render({ values: all }), 'acr');
    expect(rights).toHaveLength(8);
    expect(rights).toContain(`secrets ${pullSecretNames('pull').join()}: list,watch,create,patch,delete`);
    expect(namespacesOf(await render({ values: all }), 'Role')).toEqual(['acr']);
  });

  it('the service is told of them, and of no owner of a registration', () => {
    const options = parseServeOptions(containerOf(objects).args.slice(1), {});
    expect(options).toMatchObject({ namespaces: ['team-a', 'team-b'], ownerClusterRole: undefined });
  });

  it('the configuration asks for no webhook, and for all of them unless it says which', async () => {
    const { data = {} } = only(objects, 'ConfigMap');
    expect(parseConfig(data)).toMatchObject({
      ok: true,
      warnings: [],
      config: { watchNamespaces: 'all', webhook: { enabled: false } },
    });
    const configuration = { 'watch-namespace': 'team-b', 'service-account': '*' };
    const narrower = only(await render({ values: { ...values, configuration } }), 'ConfigMap');
    expect(narrower.data).toEqual(configuration);
  });

  it('the clean-up looks in them alone, with a Role in each', async () => {
    const hooks = await renderCleanup({ values });
    expect(hooks.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
    expect(namespacesOf(hooks, 'Role').sort()).toEqual(['acr', 'team-a', 'team-b']);
    expect(namespacesOf(hooks, 'RoleBinding').sort()).toEqual(['acr', 'team-a', 'team-b']);
    expect(rightsIn(hooks, 'team-b')).toEqual([
      'namespaces team-b: get',
      'serviceaccounts: get,list,patch',
      `secrets ${pullSecrets.join()}: list,delete`,
    ]);
    const { args } = jobOf(hooks).template.spec.containers[0];
    expect(parseCleanupOptions(args.slice(1), {}).namespaces).toEqual(['team-a', 'team-b']);
  });
});

it.each([
  ['no name', ['Team_A']],
  ['one of them twice', ['team-a', 'team-a']],
  ['no list', 'team-a'],
])('`namespaces` with %s are refused', async (_, namespaces) => {
  await expect(render({ values: { namespaces } })).rejects.toThrow('namespaces');
});
