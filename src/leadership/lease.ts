import type { Lease } from '../kube/objects.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { Reduced } from '../kube/reflector.ts';

export const LEASE_NAME = 'acr-credential-injector';

/** As holder it stands for every run of the clean-up, so that no replica leads meanwhile. */
export const CLEANUP_IDENTITY = 'acr-credential-injector-cleanup';

/** How long nobody else takes a Lease that its holder does not renew. */
export const LEASE_DURATION_MS = 10_000;

/** What decisions need of a Lease; `spec` as it stands, for what others wrote into it. */
export interface ObservedLease extends Reduced {
  /** Empty when it was released, or never held. */
  readonly holder: string;
  readonly durationMs: number;
  readonly spec: NonNullable<Lease['spec']>;
}

export function observeLease({ metadata, spec = {} }: Lease): ObservedLease {
  const { holderIdentity = '', leaseDurationSeconds = LEASE_DURATION_MS / 1000 } = spec;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    holder: holderIdentity,
    durationMs: leaseDurationSeconds * 1000,
    spec,
  };
}

/** A Lease that nobody holds. Applied over one that somebody holds it changes nothing. */
export function emptyLease(namespace: string): Lease {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: LEASE_NAME, namespace } };
}

/**
 * Makes `holder` the holder, or keeps it that, as long as the Lease is as it was observed: of two who try, one succeeds.
 * @param now in milliseconds since the epoch; for people, as no replica goes by another's clock.
 */
export function holdPatch(
  { resourceVersion, spec, ...lease }: ObservedLease,
  holder: string,
  now: number,
  durationMs = LEASE_DURATION_MS,
): JsonPatchOperation[] {
  const renewTime = microTime(now);
  const isSame = lease.holder === holder;
  return patchOf(resourceVersion, {
    acquireTime: renewTime,
    ...spec,
    holderIdentity: holder,
    leaseDurationSeconds: durationMs / 1000,
    renewTime,
    ...(!isSame && { acquireTime: renewTime, leaseTransitions: (spec.leaseTransitions ?? 0) + 1 }),
  });
}

/** Leaves the Lease to whoever comes first. */
export function releasePatch({ resourceVersion, spec }: ObservedLease): JsonPatchOperation[] {
  return patchOf(resourceVersion, { ...spec, holderIdentity: '' });
}

function patchOf(resourceVersion: string, spec: Lease['spec']): JsonPatchOperation[] {
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/spec', value: spec },
  ];
}

/** Kubernetes' MicroTime: six digits after the second, no fewer. */
export function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}
