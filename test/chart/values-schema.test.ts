import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it, vi } from 'vitest';
import { tokenModes } from '../../src/identity/token-mode.ts';
import { logLevels } from '../../src/telemetry/logger.ts';
import { CHART, template } from './render-chart.ts';
import { valueSets } from './value-sets.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

interface Schema {
  additionalProperties?: unknown;
  properties?: Record<string, unknown>;
}

/** A file of the chart, YAML or JSON. */
async function read(file: string): Promise<Record<string, unknown>> {
  return load(await readFile(join(CHART, file), 'utf8')) as Record<string, unknown>;
}

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
    [
      'a unit that Kubernetes does not have',
      { resources: { limits: { memory: '512ki' } } },
      '/resources/limits/memory',
    ],
    ['a request that is no quantity', { resources: { requests: { cpu: 'half' } } }, '/resources/requests/cpu'],
    [
      'a key of the configuration among the values',
      { 'watch-namespace': 'all' },
      "properties 'watch-namespace' not allowed",
    ],
    ['an issuer without a name', { certManager: { issuerRef: { kind: 'Issuer' } } }, '/certManager/issuerRef'],
    ['a lifetime without a unit', { certManager: { duration: '90' } }, '/certManager/duration'],
    [
      'an annotation that is no text',
      { serviceAccount: { annotations: { a: true } } },
      '/serviceAccount/annotations/a',
    ],
    ['a pull Secret without a name', { imagePullSecrets: ['mine'] }, '/imagePullSecrets/0'],
  ])('refuses %s', async (_what, values, message) => {
    const { code, stderr } = await template({ values });
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it('is about every value that values.yaml has, and no other is', async () => {
    const values = await read('values.yaml');
    const { global, enabled, ...described } = (await read('values.schema.json')).properties as Record<string, Schema>;
    expect([global, enabled]).toMatchObject([{ type: 'object' }, { type: 'boolean' }]); // for charts of charts
    expect(Object.keys(described).sort()).toEqual(Object.keys(values).sort());
    const closed = Object.entries(described).filter(([, { additionalProperties }]) => additionalProperties === false);
    expect(closed.length).toBeGreaterThan(8);
    for (const [name, { properties = {} }] of closed) {
      expect(Object.keys(properties).sort(), name).toEqual(Object.keys(values[name] as object).sort());
    }
  });

  it('is tried with a set of values that says every one', async () => {
    expect(Object.keys(valueSets.everything ?? {}).sort()).toEqual(Object.keys(await read('values.yaml')).sort());
  });

  it("knows the service's log levels and token modes", async () => {
    const schema = await read('values.schema.json');
    expect(schema).toHaveProperty('properties.logLevel.enum', logLevels);
    expect(schema).toHaveProperty('properties.tokenMode.enum', tokenModes);
  });
});
