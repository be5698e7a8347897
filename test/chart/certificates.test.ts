import { describe, expect, it, vi } from 'vitest';
import { servingNames } from '../../src/certificates/serving-names.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';
import { containerOf, deploymentOf, modern, render, template, type Rendered } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

interface CertificateSpec {
  secretName: string;
  dnsNames?: string[];
  isCA?: boolean;
  issuerRef: { kind?: string; name: string };
}

/** What is of cert-manager, by kind and name. */
const ofCertManager = (objects: readonly Rendered[]) =>
  new Map(
    objects
      .filter(({ apiVersion }) => apiVersion === 'cert-manager.io/v1')
      .map(({ kind, metadata, spec }) => [`${kind} ${metadata.name}`, spec as CertificateSpec]),
  );

/** The folder that the service reads its certificate from, and the Secret that is mounted there. */
function mountedCertificate(objects: readonly Rendered[]): { tlsDir: string | undefined; secretName: unknown } {
  const { tlsDir } = parseServeOptions(containerOf(objects).args.slice(1), {});
  const { containers, volumes } = deploymentOf(objects).template.spec;
  const mount = containers[0].volumeMounts.find(({ mountPath }) => mountPath === tlsDir);
  const secret = volumes.find(({ name }) => name === mount?.name)?.secret;
  // Every key under its own name, and none of them optional.
  expect(Object.keys(secret ?? { secretName: '' })).toEqual(['secretName']);
  return { tlsDir, secretName: (secret as { secretName: string } | undefined)?.secretName };
}

/** Do rights or policies name the Secret of a CA that the service makes itself? */
const mayKeepCa = (objects: readonly Rendered[]) => JSON.stringify(objects).includes('acr-credential-injector-ca');

describe("the webhook's certificate", () => {
  it("is the service's own unless the values say otherwise", async () => {
    const objects = await render(modern);
    expect(mountedCertificate(objects)).toEqual({ tlsDir: undefined, secretName: undefined });
    expect(ofCertManager(objects).size).toBe(0);
    expect(mayKeepCa(objects)).toBe(true);
  });

  it('comes from a Secret of somebody else, and then the service may keep no CA', async () => {
    const objects = await render({ ...modern, values: { tls: { existingSecret: 'mine' } } });
    expect(mountedCertificate(objects)).toEqual({ tlsDir: '/tls', secretName: 'mine' });
    expect(ofCertManager(objects).size).toBe(0);
    expect(mayKeepCa(objects)).toBe(false);
  });

  it('comes from cert-manager and an issuer that there is, for the names that the API server may call', async () => {
    const issuerRef = { kind: 'ClusterIssuer', name: 'company' };
    const values = { fullnameOverride: 'pulls', certManager: { enabled: true, issuerRef } };
    const objects = await render({ ...modern, values });
    const issued = ofCertManager(objects);
    expect([...issued.keys()]).toEqual(['Certificate pulls']);
    const certificate = issued.get('Certificate pulls');
    expect(certificate).toMatchObject({ issuerRef, secretName: mountedCertificate(objects).secretName });
    const [called, full] = servingNames({ service: 'pulls', namespace: 'acr' });
    expect(certificate?.dnsNames).toEqual([called, full]);
    expect(mayKeepCa(objects)).toBe(false);
  });

  it("comes from a CA of the release's own, which lasts longer, where there is no issuer", async () => {
    const objects = await render({ values: { certManager: { enabled: true } } });
    const issued = ofCertManager(objects);
    const name = 'acr-credential-injector';
    const root = issued.get(`Certificate ${name}-root`);
    expect(issued.get(`Certificate ${name}`)).toMatchObject({ issuerRef: { kind: 'Issuer', name } });
    expect(issued.get(`Issuer ${name}`)).toEqual({ ca: { secretName: root?.secretName } });
    expect(root).toMatchObject({ isCA: true, issuerRef: { kind: 'Issuer', name: `${name}-root` } });
    expect(issued.get(`Issuer ${name}-root`)).toEqual({ selfSigned: {} });
    // What the service keeps under the name of a CA is of another type, which no Secret can change.
    expect(root?.secretName).not.toBe('acr-credential-injector-ca');
  });

  it('is not waited for where there is no webhook', async () => {
    const objects = await render({ values: { certManager: { enabled: true }, namespaces: ['team-a'] } });
    expect(mountedCertificate(objects)).toEqual({ tlsDir: undefined, secretName: undefined });
    expect(ofCertManager(objects).size).toBe(0);
  });

  it('comes from one source, or the chart is refused', async () => {
    const values = { certManager: { enabled: true }, tls: { existingSecret: 'mine' } };
    const { code, stderr } = await template({ values });
    expect(code).not.toBe(0);
    expect(stderr).toContain('either certManager.enabled or tls.existingSecret');
  });
});
