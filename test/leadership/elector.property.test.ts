import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ReplicaWorld } from './replica-world.ts';

/** Clocks that run wrong by a tenth would be noticed; the election bears more: 7 s of the slowest are less than 10 s of the fastest. */
const rate = fc.double({ min: 0.9, max: 1.1, noNaN: true });
const latencyMs = fc.integer({ min: 0, max: 1_500 });
const replica = fc.record({ rate, latencyMs, offsetMs: fc.integer({ min: -1e7, max: 1e7 }) });
const LASTS_MS = 90_000;

type Fault = { at: number; who: number; forMs: number } & (
  { kind: 'pause' | 'outage' | 'resign' } | { kind: 'leap'; byMs: number } | { kind: 'slow'; latencyMs: number }
);

const when = { at: fc.nat(LASTS_MS), who: fc.nat(2), forMs: fc.integer({ min: 250, max: 40_000 }) };
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ ...when, kind: fc.constantFrom('pause' as const, 'outage' as const, 'resign' as const) }),
  fc.record({ ...when, kind: fc.constant('leap' as const), byMs: fc.integer({ min: -60_000, max: 60_000 }) }),
  fc.record({ ...when, kind: fc.constant('slow' as const), latencyMs: fc.integer({ min: 0, max: 20_000 }) }),
);

function begin(world: ReplicaWorld, { kind, who, ...rest }: Fault): void {
  const affected = world.replicas[who]!;
  if (kind === 'pause') affected.isPaused = true;
  if (kind === 'outage') world.isApiDown = true;
  if (kind === 'leap' && 'byMs' in rest) affected.offsetMs += rest.byMs;
  if (kind === 'slow' && 'latencyMs' in rest) affected.latencyMs = rest.latencyMs;
  // One stays, to show that the others do not hold it up.
  if (kind === 'resign' && who > 0) affected.resign();
}

function end(world: ReplicaWorld, { kind, who }: Fault): void {
  const affected = world.replicas[who]!;
  if (kind === 'pause') affected.isPaused = false;
  if (kind === 'outage') world.isApiDown = false;
  if (kind === 'slow') affected.latencyMs = 100;
}

it('no two replicas ever lead at once, whatever is stopped, slow, away or set wrong; and soon after that one does', async () => {
  let terms = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(replica, { minLength: 3, maxLength: 3 }),
      fc.array(fault, { maxLength: 12 }),
      async (options, faults) => {
        const world = new ReplicaWorld();
        for (const each of options) world.add(each).start();
        const exclusive = () => {
          if (world.leaders.length > 1) throw new Error(`${world.leaders.join(' and ')} lead at ${world.now} ms`);
        };
        const changes = faults.flatMap((each) => [
          { at: each.at, change: () => begin(world, each) },
          { at: each.at + each.forMs, change: () => end(world, each) },
        ]);
        for (const { at, change } of changes.sort((one, other) => one.at - other.at)) {
          if (at > world.now) await world.pass(at - world.now, exclusive);
          change();
        }
        for (const each of world.replicas) {
          each.isPaused = false;
          each.latencyMs = 100;
        }
        world.isApiDown = false;
        // What was slow is still on its way, and a watch that failed waits before it begins again.
        await world.pass(60_000, exclusive);
        expect(world.leaders).toHaveLength(1);
        terms += world.replicas.reduce((sum, each) => sum + each.terms.length, 0);
      },
    ),
    { numRuns: 60 },
  );
  expect(terms).toBeGreaterThan(60);
});
