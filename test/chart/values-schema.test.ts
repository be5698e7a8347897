import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { tokenModes } from '../../src/identity/token-mode.ts';
import { logLevels } from '../../src/telemetry/logger.ts';
import { CHART, template } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

describe("the schema of the chart's values", () => {
  it.each([
    ['a value that is none', { replicas: 2 }, "additional properties 'replicas' not allowed"],
    ['a misspelt field', { image: { name: 'x' } }, "additional properties 'name' not allowed"],
    [
      'a configuration that is no text',
      { configuration: { 'webhook-configuration': { enable: true } } },
      '/configuration/webhook-configuration',
    ],
    ['no replica', { replicaCount: 0 }, '/replicaCount'],
    ['a tag that YAML read as a number', { image: { tag: 1.1 } }, '/image/tag'],
    ['a name that no Service can have', { fullnameOverride: '1st' }, '/fullnameOverride'],
    ['a name that no Secret can have', { secretName: 'a..b' }, '/secretName'],
    ['an unknown log level', { logLevel: 'verbose' }, '/logLevel'],
    ['an unknown token mode', { tokenMode: 'magic' }, '/tokenMode'],
    ['a port out of range', { ports: { webhook: 70_000 } }, '/ports/webhook'],
    ['a memory limit that is no quantity', { resources: { limits: { memory: 'much' } } }, '/resources/limits/memory'],
    ['a pull Secret without a name', { imagePullSecrets: ['mine'] }, '/imagePullSecrets/0'],
  ])('refuses %s', async (_what, values, message) => {
    const { code, stderr } = await template({ values });
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it("knows the service's log levels and token modes", async () => {
    const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as unknown;
    expect(schema).toHaveProperty('properties.logLevel.enum', logLevels);
    expect(schema).toHaveProperty('properties.tokenMode.enum', tokenModes);
  });
});
