import { describe, expect, it } from 'vitest';
import { servingNames } from '../../src/certificates/serving-names.ts';

const service = { service: 'injector', namespace: 'acr' };

describe('the names of the server', () => {
  it('hold the one by which the API server calls a Service', () => {
    expect(servingNames(service)).toEqual([
      'injector.acr.svc',
      'injector.acr.svc.cluster.local',
      'injector.acr',
      'injector',
    ]);
  });

  it.each([
    ['https://hooks.example.com:8443/mutate', 'hooks.example.com'],
    ['https://127.0.0.1:8443/mutate', '127.0.0.1'],
    ['https://[2001:db8::1]:8443/mutate', '2001:db8::1'],
  ])('hold the host of the URL %s', (webhookUrl, host) => {
    expect(servingNames({ ...service, webhookUrl })[0]).toBe(host);
  });

  it('hold no name twice', () => {
    const names = servingNames({ ...service, webhookUrl: 'https://injector.acr.svc/mutate' });
    expect(names).toHaveLength(new Set(names).size);
  });
});
