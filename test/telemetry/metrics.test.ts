import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/telemetry/metrics.ts';

/** Without their prefix. */
function ownMetrics(): [name: string, labelNames: readonly string[]][] {
  return new Metrics().registry
    .getMetricsAsArray()
    .map((metric) => metric as unknown as { name: string; labelNames: string[] })
    .filter(({ name }) => name.startsWith('acr_injector_'))
    .map(({ name, labelNames }) => [name.slice('acr_injector_'.length), labelNames]);
}

describe('the metrics', () => {
  it('have the names and labels that others rely on', () => {
    const own = ownMetrics().map(([name, labelNames]) => `${name}{${labelNames.join()}}`);
    expect(own).toEqual(
      expect.arrayContaining([
        'credential_expiry_timestamp_seconds{registry}',
        'credential_refreshes_total{registry,result}',
        'openapi_requests_total{action,result}',
        'admission_requests_total{resource,decision,reason}',
        'admission_duration_seconds{}',
        'pull_secret_writes_total{reason}',
        'service_account_patches_total{reason}',
        'missed_injections_total{resource}',
        'certificate_expiry_timestamp_seconds{certificate}',
        'config_valid{}',
        'config_reloads_total{result}',
        'self_test_success{}',
        'watch_restarts_total{resource}',
        'namespaces{state}',
      ]),
    );
  });

  it('are all on their page, each with its labels', () => {
    const page = readFileSync('docs/metrics.md', 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` *\| ([^|]*)\|/gm)].map(([, name, labels = '']) => [
      name,
      labels.trim().replaceAll('`', ''),
    ]);
    const own = ownMetrics().map(([name, labelNames]) => [name, labelNames.join(', ')]);
    const documented = rows.filter(([name]) => own.some(([known]) => known === name));
    expect(documented.sort()).toEqual(own.sort());
  });

  it("come with Node's own, and are of one instance each", async () => {
    const [first, second] = [new Metrics(), new Metrics()];
    first.configValid.set(1);
    expect(await first.registry.metrics()).toContain('acr_injector_config_valid 1');
    expect(await second.registry.metrics()).toContain('acr_injector_config_valid 0');
    expect(await first.registry.metrics()).toContain('process_cpu_seconds_total');
  });
});
