import { describe, expect, it, vi } from 'vitest';
import { parseCleanupOptions } from '../../src/commands/cleanup-options.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { tokenModes } from '../../src/identity/token-mode.ts';
import { helm } from '../e2e/kubectl-tools.ts';
import { CHART, containerOf, flagsOf, render } from './render-chart.ts';
import { valueSets } from './value-sets.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

/** What is said at the end of `helm install`. */
async function notesFor(values: object): Promise<string> {
  const args = ['install', 'injector', CHART, '--dry-run=client', '--namespace', 'acr', '--values', '-'];
  const { stdout, stderr, code } = await helm(args, { kubeconfig: '', input: JSON.stringify(values) });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout.slice(stdout.indexOf('\nNOTES:'));
}

describe('what the chart says after the installation', () => {
  it.each(Object.entries(valueSets))('names objects that there are, with the values of %s', async (_, values) => {
    const [notes, objects] = await Promise.all([notesFor(values), render({ values })]);
    const there = new Set(objects.map(({ kind, metadata }) => `${kind.toLowerCase()} ${metadata.name}`));
    const [, deployment] = /rollout status deployment\/(\S+)/.exec(notes) ?? [];
    expect(there).toContain(`deployment ${deployment}`);
    for (const [, certificate] of notes.matchAll(/describe certificate (\S+)/g)) {
      expect(there).toContain(`certificate ${certificate}`);
    }
    const [, configMap] = /get -n \S+ configmap (\S+)/.exec(notes) ?? [];
    expect(there.has(`configmap ${configMap}`)).toBe(!notes.includes('the ConfigMap that you keep'));
    expect(notes).not.toMatch(/<no value>|%!|\n{3}/);
  });

  it.each(tokenModes)('says what the token mode %s takes, and nothing of other modes', async (tokenMode) => {
    const words: Record<string, RegExp> = {
      accessKey: /create secret generic alibaba-addon-secret/,
      managedRole: /get secret addon\.aliyuncsmanagedacrrole\.token/,
      rrsa: /system:serviceaccount:acr:acr-credential-injector/,
      workerRole: /The RAM role of the nodes/,
    };
    const notes = await notesFor({ tokenMode });
    const said = Object.keys(words).filter((mode) => words[mode]?.test(notes));
    expect(said).toEqual([tokenMode === 'auto' ? 'accessKey' : tokenMode]);
  });

  it('names keys of the configuration that the service does not know, and no other', async () => {
    const [warning] = parseConfig({ colour: 'blue' }).warnings;
    const known = warning?.fix.replace('one of ', '').split(', ') ?? [];
    const configuration = Object.fromEntries([...known, 'watch-namespaces'].map((key) => [key, '']));
    const unknown = (await notesFor({ configuration })).match(/knows no key `[^`]*`/g);
    expect(known.length).toBeGreaterThan(8);
    expect(unknown).toEqual(['knows no key `watch-namespaces`']);
  });

  it.each([
    ['of the whole cluster', {}],
    ['of some namespaces', { namespaces: ['team-a', 'team-b'], secretName: 'pull' }],
  ])(
    'shows a clean-up by hand that looks where the service %s was, as who may read a kubeconfig',
    async (_, values) => {
      const notes = await notesFor({ ...values, cleanup: { enabled: false } });
      const [, user, command = ''] =
        /docker run --rm (--user "\$\(id -u\)") [^]*? (cleanup [^]*?)\n(?! {7})/.exec(notes) ?? [];
      expect(user).toBeDefined();
      const options = parseCleanupOptions(command.replaceAll('\\\n', '').split(/ +/).slice(1), {});
      const served = flagsOf(containerOf(await render({ values })).args);
      expect(options.namespace).toBe('acr');
      expect(options.namespaces?.join()).toBe(served.namespaces);
      expect(command).toContain(`--secret-name=${served['secret-name']}`);
    },
  );

  it('says what becomes of things at the end', async () => {
    expect(await notesFor({})).toContain('`helm uninstall` removes everything');
    expect(await notesFor({ cleanup: { enabled: false } })).toContain('The pull Secrets stay');
    expect(await notesFor({ certManager: { enabled: true } })).toContain('delete secret acr-credential-injector-tls');
  });
});
