import { describe, expect, it } from 'vitest';
import { leaseMove } from '../../src/cleanup/lease-policy.ts';
import type { Lease } from '../../src/kube/objects.ts';
import { CLEANUP_IDENTITY, observeLease } from '../../src/leadership/lease.ts';

function leaseOf(holderIdentity: string, resourceVersion = '1', leaseDurationSeconds: number | undefined = 10): Lease {
  return { metadata: { resourceVersion }, spec: { holderIdentity, leaseDurationSeconds, leaseTransitions: 4 } };
}

describe('what the clean-up does about the Lease', () => {
  it.each([
    ['it is that of a clean-up before', leaseOf(CLEANUP_IDENTITY), 0, 'Free'],
    ['somebody holds it, who may live', leaseOf('pod-a'), 14_000, 'Wait'],
    ['its holder renews it', leaseOf('pod-a', '2'), 1_000, 'TakeContested'],
    ['another replica takes it', leaseOf('pod-b', '2'), 13_000, 'TakeContested'],
    ['nobody renews it, and nobody else takes it', leaseOf('pod-a'), 14_001, 'TakeAbandoned'],
    ['it was given up, and a replica may be about to take it', leaseOf(''), 4_000, 'Wait'],
    ['it was given up, and nobody takes it', leaseOf(''), 4_001, 'TakeAbandoned'],
    ['it lasts longer than usual', leaseOf('pod-a', '1', 30), 33_000, 'Wait'],
    ['it lasts longer than can be waited for', leaseOf('pod-a', '1', 86_400), 64_001, 'TakeAbandoned'],
    ['it says nothing of itself', { metadata: { resourceVersion: '1' } }, 4_001, 'TakeAbandoned'],
  ])('when %s', (_, lease, watchedMs, move) => {
    expect(leaseMove({ lease: observeLease(lease), firstVersion: '1', watchedMs })).toBe(move);
  });
});
