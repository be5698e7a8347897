import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { DurationHistogram } from '../../src/telemetry/duration-histogram.ts';

const options = { name: 'wait_seconds', help: 'How long', buckets: [0.001, 0.01, 2.5] };

function textOf(register: (registry: Registry) => void): Promise<string> {
  const registry = new Registry();
  register(registry);
  return registry.metrics();
}

const durations = fc.array(fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(...options.buckets)));

it('reads as a histogram of prom-client that observed the same', async () => {
  await fc.assert(
    fc.asyncProperty(durations, async (observed) => {
      const ours = new DurationHistogram(options);
      const theirs = new Histogram({ ...options, registers: [] });
      for (const seconds of observed) {
        ours.observe(seconds);
        theirs.observe(seconds);
      }
      const read = await textOf((registry) => registry.registerMetric(ours.asMetric()));
      expect(read).toBe(await textOf((registry) => registry.registerMetric(theirs)));
    }),
  );
});

it('reads twice as the same, and goes on counting after it was read', async () => {
  const histogram = new DurationHistogram(options);
  const read = () => textOf((registry) => registry.registerMetric(histogram.asMetric()));
  histogram.observe(0.01);
  const first = await read();
  expect(first).toContain('wait_seconds_bucket{le="0.01"} 1');
  expect(await read()).toBe(first);
  histogram.observe(100);
  expect(await read()).toContain('wait_seconds_bucket{le="2.5"} 1\nwait_seconds_bucket{le="+Inf"} 2');
});
