import { describe, expect, it } from 'vitest';
import { decidePod, hasHandWrittenList } from '../../src/admission/pod-injection.ts';
import type { ObjectMeta, PodSpec } from '../../src/kube/objects.ts';
import { admitted, managedImage, podRequest, viewWith } from '../builders/admission.ts';
import { podAt } from '../builders/kube-objects.ts';

const otherImage = 'docker.io/library/nginx:1';

function reasonFor(spec: PodSpec = {}, metadata: ObjectMeta = {}, view = viewWith()): string {
  const decision = decidePod(podRequest(podAt('team-a/app', managedImage, spec, metadata)), view);
  return decision.inject ? 'inject' : decision.reason;
}

describe('a Pod', () => {
  it('is told the reference to append, and to what', () => {
    const request = podRequest(podAt('team-a/app', managedImage, { imagePullSecrets: [{ name: 'theirs' }] }));
    expect(decidePod(request, viewWith())).toEqual({
      inject: true,
      listPath: '/spec/imagePullSecrets',
      list: [{ name: 'theirs' }],
      missing: ['pull'],
    });
  });

  it.each<[string, PodSpec, ObjectMeta, string]>([
    ['that opted out', {}, { labels: { 'acr-credential-injector/inject': 'false' } }, 'OptedOut'],
    ['that kubelet made of a file', {}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }, 'MirrorPod'],
    ['that is being deleted', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }, 'BeingDeleted'],
    ['that has the reference', { imagePullSecrets: [{ name: 'pull' }] }, {}, 'AlreadyReferenced'],
    ['without an image of ours', { containers: [{ name: 'app', image: otherImage }] }, {}, 'NoManagedImage'],
    ['without containers', { containers: [] }, {}, 'NoManagedImage'],
  ])('%s is let through', (_, spec, metadata, reason) => {
    expect(reasonFor(spec, metadata)).toBe(reason);
  });

  const containers = [{ name: 'app', image: otherImage }];
  const sidecar = [{ name: 'sidecar', image: managedImage }];

  it.each<[string, PodSpec]>([
    ['a container', { containers: [...containers, ...sidecar] }],
    ['an init container', { containers, initContainers: sidecar }],
    ['an ephemeral container', { containers, ephemeralContainers: sidecar }],
    [
      'an image volume',
      { containers, volumes: [{ name: 'data' }, { name: 'model', image: { reference: managedImage } }] },
    ],
  ])('is injected where %s has an image of ours', (_, spec) => {
    expect(reasonFor(spec)).toBe('inject');
  });

  it('is selected by the name of its ServiceAccount, which is default where none is given', () => {
    const view = viewWith({ selectsServiceAccount: (name) => name === 'default' });
    expect(reasonFor({}, {}, view)).toBe('inject');
    expect(reasonFor({ serviceAccountName: '' }, {}, view)).toBe('inject');
    expect(reasonFor({ serviceAccountName: 'default' }, {}, view)).toBe('inject');
    expect(reasonFor({ serviceAccountName: 'app' }, {}, view)).toBe('NotATarget');
  });

  it('without a spec is let through', () => {
    const object = { metadata: { name: 'app' } };
    expect(decidePod(podRequest(undefined, { object }), viewWith())).toEqual({ inject: false, reason: 'Unreadable' });
  });
});

describe('a list of references', () => {
  const wrote = { manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:imagePullSecrets': {} } } };
  const isHandWritten = (metadata: ObjectMeta) =>
    hasHandWrittenList(admitted(podAt('a/b', managedImage, {}, metadata)));

  it('is hand-written where a field manager wrote it and no controller owns the Pod', () => {
    expect(isHandWritten({ managedFields: [{ manager: 'other', fieldsV1: { 'f:spec': {} } }, wrote] })).toBe(true);
  });

  it('is not where a controller copied it from its template', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'app', uid: 'u' };
    expect(isHandWritten({ managedFields: [wrote], ownerReferences: [{ ...owner, controller: true }] })).toBe(false);
    expect(isHandWritten({ managedFields: [wrote], ownerReferences: [owner] })).toBe(true);
  });

  it('is not where it was copied from the ServiceAccount', () => {
    expect(isHandWritten({ managedFields: [{ manager: 'kubectl', fieldsV1: { 'f:spec': {} } }] })).toBe(false);
    expect(isHandWritten({})).toBe(false);
  });
});
