import { expect, test } from 'vitest';
import { referencedSecretNames } from '../../src/config/referenced-secret-names.ts';
import { configOf } from './parse.ts';

test('a configuration refers to the Secrets of extra-auths and to those of AccessKeys, each once', () => {
  const info =
    '- instanceId: cri-a\n  customAccessKeySecretRef: account\n- instanceId: cri-b,cri-c\n  customAccessKeySecretRef: hub\n';
  const names = referencedSecretNames(configOf({ 'acr-registry-info': info, 'extra-auths': 'hub,harbor' }));
  expect([...names].sort()).toEqual(['account', 'harbor', 'hub']);
});
