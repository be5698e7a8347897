import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from '../contract/test-bed.ts';
import { DEMO, installDemo, upgradeDemo, type DemoRelease } from './demo-chart.ts';

describe.each(['true', 'false'])(
  'a chart whose ServiceAccount has a list of its own, with the webhook enabled: %s',
  (enable) => {
    const bed = useTestBed({
      configuration: { 'watch-namespace': 'all', 'webhook-configuration': `enable: ${enable}` },
    });

    function releaseIn(namespace: string, own: readonly string[], image = '1'): DemoRelease {
      const lists = own.map((name, index) => [`serviceAccount.imagePullSecrets[${index}]`, name]);
      const values = {
        ...(Object.fromEntries(lists) as Record<string, string>),
        image: `demo.example.com/demo:${image}`,
      };
      return { kubeconfig: bed.cluster.kubeconfig, namespace, values };
    }

    function listBecomes(namespace: string, list: readonly string[]): Promise<true> {
      return eventually(
        async () => {
          expect(await bed.pullSecretsOf(namespace, DEMO)).toEqual(list);
          return true;
        },
        { withinMs: PROMISED_MS },
      );
    }

    it('is installed and upgraded again and again without a conflict, and both keep their entries', async () => {
      const namespace = bed.foreseenNamespace('upgraded');
      await installDemo(releaseIn(namespace, ['mine']));
      await listBecomes(namespace, ['mine', PULL_SECRET]);
      for (const image of ['2', '3']) {
        await upgradeDemo(releaseIn(namespace, ['mine'], image));
        await listBecomes(namespace, ['mine', PULL_SECRET]);
      }
      await upgradeDemo(releaseIn(namespace, ['mine', 'another']));
      await listBecomes(namespace, ['mine', 'another', PULL_SECRET]);
      await upgradeDemo(releaseIn(namespace, []));
      await listBecomes(namespace, [PULL_SECRET]);
    });

    it('was there before the service began to serve its namespace, and is upgraded without a conflict', async () => {
      const namespace = bed.foreseenNamespace('earlier');
      await bed.configure({ 'watch-namespace': 'somewhere-else' });
      await eventually(async () => (await bed.service.status()).configuration?.watchNamespaces !== 'all');
      await installDemo(releaseIn(namespace, ['mine']));
      await bed.configure();
      await listBecomes(namespace, ['mine', PULL_SECRET]);
      for (const image of ['2', '3']) {
        await upgradeDemo(releaseIn(namespace, ['mine'], image));
        await listBecomes(namespace, ['mine', PULL_SECRET]);
      }
    });

    it('hands its list back as the chart has it when its namespace is a target no longer', async () => {
      const namespace = bed.foreseenNamespace('leaving');
      await installDemo(releaseIn(namespace, ['mine']));
      await listBecomes(namespace, ['mine', PULL_SECRET]);
      await bed.configure({ 'watch-namespace': 'somewhere-else' });
      await listBecomes(namespace, ['mine']);
      await upgradeDemo(releaseIn(namespace, ['mine'], '2'));
      await listBecomes(namespace, ['mine']);
      await bed.configure();
    });
  },
);
