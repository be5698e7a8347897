import { describe, expect, it } from 'vitest';
import { confineConfig } from '../../src/config/confine-config.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { formatProblem } from '../../src/config/problem-report.ts';

function confined(data: Record<string, string>, namespaces: readonly string[]): { config: Config; warnings: string[] } {
  const parsed = confineConfig(parseConfig({ 'acr-registry-info': '- instanceId: cri-a', ...data }), namespaces);
  if (!parsed.ok) throw new Error('refused');
  return { config: parsed.config, warnings: parsed.warnings.map(formatProblem) };
}

describe('a configuration for some namespaces alone', () => {
  it('watches all of them where it watches all', () => {
    const { config, warnings } = confined({ 'watch-namespace': 'all' }, ['a', 'b']);
    expect([config.watchNamespaces, warnings]).toEqual([['a', 'b'], []]);
  });

  it('watches those of them that it names, and warns of the others', () => {
    const { config, warnings } = confined({ 'watch-namespace': 'c,a,d' }, ['a', 'b']);
    expect(config.watchNamespaces).toEqual(['a']);
    expect(warnings).toEqual([
      'watch-namespace line 1, column 1: found `c`, `d`, where this service has no rights: --namespaces lists `a`, `b`; write `all` for those that it lists, or names of them',
    ]);
  });

  it('watches none where it names none of them', () => {
    expect(confined({}, ['a']).config.watchNamespaces).toEqual([]);
  });

  it('does not say names by the hundred', () => {
    const names = Array.from({ length: 100 }, (_, index) => `n${index}`);
    expect(confined({ 'watch-namespace': names.join() }, ['a']).warnings.join()).toContain('`n4` and 95 more, where');
  });

  it('registers no webhook, and warns where it is to', () => {
    const { config, warnings } = confined(
      { 'watch-namespace': 'all', 'webhook-configuration': 'enable: true\nfailure-policy: Fail' },
      ['a'],
    );
    expect(config.webhook).toMatchObject({ enabled: false, failurePolicy: 'Fail' });
    expect(warnings).toEqual([expect.stringMatching(/^webhook-configuration .*; write `enable: false`$/)]);
    expect(confined({ 'watch-namespace': 'a', 'webhook-configuration': '' }, ['a']).warnings).toEqual([]);
  });

  it('keeps its other warnings, and all else', () => {
    const data = { 'watch-namespace': 'a', 'service-account': 'all', 'exclude-namespace': 'b' };
    const { config, warnings } = confined(data, ['a']);
    expect(warnings).toEqual([expect.stringContaining('service-account')]);
    expect(config).toMatchObject({ serviceAccounts: ['all'], excludeNamespaces: ['b'] });
  });

  it('is refused as any other', () => {
    const refused = parseConfig({ 'watch-namespace': 'Not_A_Name' });
    expect(confineConfig(refused, ['a'])).toBe(refused);
  });
});
