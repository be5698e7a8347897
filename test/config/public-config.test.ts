import { expect, test } from 'vitest';
import { publicConfig } from '../../src/config/public-config.ts';
import { configOf } from './parse.ts';

test('what anybody may see of a configuration has no AccessKey secret in it', () => {
  const info =
    '- instanceId: cri-a\n  customAccessKey: LTAI1\n  customAccessKeySecret: hunter2hunter2\n- instanceId: ""\n';
  const shown = publicConfig(configOf({ 'acr-registry-info': info, 'notify-email': 'ops@example.com' }));
  expect(JSON.stringify(shown)).not.toContain('hunter2');
  expect(shown).toMatchObject({
    registries: [
      { key: 'cri-a', instanceId: 'cri-a', accessKeyId: 'LTAI1' },
      { key: 'personal', domains: [] },
    ],
    notifyEmail: 'ops@example.com',
  });
});
