import type { TestBed } from '../contract/test-bed.ts';

/** How many Pods, or ServiceAccounts, the API server asked the service about while `work` ran. */
export async function reviewedDuring(
  bed: TestBed,
  resource: 'pods' | 'serviceaccounts',
  work: () => Promise<unknown>,
): Promise<number> {
  const reviewed = () => bed.service.metric('admission_requests_total', { resource });
  const before = await reviewed();
  await work();
  return (await reviewed()) - before;
}
