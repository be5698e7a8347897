import { execFile } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { only, renderTests } from '../chart/render-chart.ts';
import { useTestBed, type TestBed } from './test-bed.ts';

interface TestPod {
  containers: [{ command: string[]; args: string[] }];
}

/** Runs what the container of `helm test` would, against the service of the bed. */
async function helmTest(bed: TestBed, waitSeconds: number): Promise<{ code: number; said: string[] }> {
  const { containers } = only(await renderTests(), 'Pod').spec as TestPod;
  const [{ command, args }] = containers;
  expect(command[0]).toBe('node');
  const [host, port] = (await bed.service.addresses()).status.split(':');
  const env = { SERVICE_HOST: host, SERVICE_PORT: port, WAIT_SECONDS: String(waitSeconds) };
  return new Promise((resolve) => {
    execFile(process.execPath, [...command.slice(1), ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? 1 : 0, said: `${stdout}${stderr}`.trim().split('\n') });
    });
  });
}

describe('`helm test`', () => {
  const bed = useTestBed();

  it('passes when the service has tokens and the API server comes through to its webhook', async () => {
    expect(await helmTest(bed, 20)).toEqual({ code: 0, said: ['the service works'] });
  });

  it('fails while a mistake in the ConfigMap keeps an edit from counting, and says which', async () => {
    await bed.configure({ 'watch-namespace': 'Not_A_Name' });
    const { code, said } = await helmTest(bed, 3);
    expect({ code, said }).toEqual({
      code: 1,
      said: ['the ConfigMap is refused', expect.stringContaining('Not_A_Name')],
    });
    await bed.enforce();
  });

  it('fails while the service is paused', async () => {
    const [namespace, name = ''] = bed.configMap.split('/');
    const annotations = { 'acr-credential-injector/paused': 'true' };
    await bed.user.merge(resources.configMaps, { namespace, name }, { metadata: { annotations } });
    expect((await helmTest(bed, 3)).said).toContain('paused by an annotation of the ConfigMap');
  });

  it('fails when nobody answers', async () => {
    await bed.service.kill();
    expect(await helmTest(bed, 0)).toEqual({ code: 1, said: [expect.stringContaining('no answer from http://')] });
  });
});

describe('`helm test`, where there is no credential', () => {
  const bed = useTestBed({ credentials: false });

  it('fails, and says of which registry', async () => {
    const { code, said } = await helmTest(bed, 3);
    expect(code).toBe(1);
    expect(said).toContainEqual(expect.stringMatching(/^no token of cri-demo: CredentialsMissing: /));
  });
});
