import { expect, it } from 'vitest';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { ReviewTally } from '../../src/telemetry/review-tally.ts';

const patched = { resource: 'pods', decision: 'patched', reason: 'SecretKnown' };
const allowed = { ...patched, decision: 'allowed', reason: 'NotATarget' };

it('counts reviews that are alike in all that the metric tells apart together, and others apart', () => {
  const tally = new ReviewTally();
  const alike = [
    patched,
    { ...patched },
    { ...patched, resource: 'serviceaccounts' },
    { ...patched, decision: 'denied' },
  ];
  for (const labels of [...alike, allowed]) tally.count(labels);
  expect(tally.counts).toEqual([
    { labels: patched, count: 2 },
    { labels: { ...patched, resource: 'serviceaccounts' }, count: 1 },
    { labels: { ...patched, decision: 'denied' }, count: 1 },
    { labels: allowed, count: 1 },
  ]);
});

it('is read by the metric as often as anybody likes, and never counts twice', async () => {
  const { registry, admissionRequests } = new Metrics();
  const line = () => registry.getSingleMetricAsString('acr_injector_admission_requests_total');
  admissionRequests.count(patched);
  expect(await line()).toContain('{resource="pods",decision="patched",reason="SecretKnown"} 1');
  admissionRequests.count(patched);
  await line();
  expect(await line()).toContain('{resource="pods",decision="patched",reason="SecretKnown"} 2');
});
