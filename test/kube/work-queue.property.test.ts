import fc from 'fast-check';
import { expect, it } from 'vitest';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

type Step = { add: string } | { addAfter: string; ms: number } | { passMs: number };

const key = fc.constantFrom('a', 'b', 'c', 'd');
const step: fc.Arbitrary<Step> = fc.oneof(
  key.map((add) => ({ add })),
  fc.record({ addAfter: key, ms: fc.nat(200) }),
  fc.record({ passMs: fc.nat(100) }),
);
const work = fc.record({ takesMs: fc.nat(30), fails: fc.boolean() });

it('a queue never works on one key twice at once, nor on too many, and loses no key that was added', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.array(work, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, works, concurrency) => {
        const clock = new ManualClock();
        const working: string[] = [];
        const violations: string[][] = [];
        /** Keys after whose last addition no work has begun and succeeded. */
        const owed = new Set<string>();
        const queue = new WorkQueue({
          clock,
          concurrency,
          onFailure: () => undefined,
          reconcile: async (current) => {
            working.push(current);
            if (working.length > concurrency || new Set(working).size < working.length) violations.push([...working]);
            owed.delete(current);
            const { takesMs, fails } = works.shift() ?? { takesMs: 0, fails: false };
            await clock.sleep(takesMs);
            working.splice(working.indexOf(current), 1);
            if (!fails) return;
            owed.add(current);
            throw new Error('no');
          },
        });
        queue.start(new AbortController().signal);
        for (const each of steps) {
          if ('passMs' in each) {
            await clock.pass(each.passMs);
            continue;
          }
          owed.add('add' in each ? each.add : each.addAfter);
          if ('add' in each) queue.add(each.add);
          else queue.addAfter(each.addAfter, each.ms);
        }
        await clock.pass(3_600_000);
        expect(violations).toEqual([]);
        expect([...owed]).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});
