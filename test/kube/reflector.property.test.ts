import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ConfigMap } from '../../src/kube/objects.ts';
import { keyOf } from '../../src/kube/object-map.ts';
import { Reflector, type Reduced } from '../../src/kube/reflector.ts';
import { compareResourceVersions } from '../../src/kube/resource-version.ts';
import { resources } from '../../src/kube/resources.ts';
import { refAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

interface Observed extends Reduced {
  text: string;
}

type Step =
  | { put: string; answeredAfterMs?: number }
  | { remove: string }
  | { passMs: number }
  | { watches: 'end' | 'break' | 'expire' }
  | { silentForMs: number }
  | { list: 'fails' | 'slow' };

const key = fc.constantFrom('a/1', 'a/2', 'b/1');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: key.map((put) => ({ put })) },
  { weight: 4, arbitrary: fc.record({ put: key, answeredAfterMs: fc.nat(3_000) }) },
  { weight: 3, arbitrary: key.map((remove) => ({ remove })) },
  { weight: 4, arbitrary: fc.nat(2_000).map((passMs) => ({ passMs })) },
  { weight: 1, arbitrary: fc.constant({ passMs: 20 * 60_000 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('end' as const, 'break' as const, 'expire' as const).map((watches) => ({ watches })),
  },
  { weight: 2, arbitrary: fc.constantFrom(500, 3_000, 55_000).map((silentForMs) => ({ silentForMs })) },
  { weight: 2, arbitrary: fc.constantFrom('fails' as const, 'slow' as const).map((list) => ({ list })) },
);

const { configMaps } = resources;

/** A reflector and everything that can happen around it. */
class Scene {
  readonly clock = new ManualClock();
  readonly api = new MemoryApi();
  readonly reflector: Reflector<ConfigMap, Observed>;
  /** What one knows who only listens. */
  readonly told = new Map<string, Observed>();
  readonly contradictions: string[] = [];
  readonly #removedAt = new Map<string, string>();
  #texts = 0;
  #nextList: 'fails' | 'slow' | undefined;

  constructor(pageSize: number) {
    this.api.pageSize = pageSize;
    this.api.beforeAnswer = ({ verb }) => (verb === 'list' ? this.#list() : undefined);
    this.reflector = new Reflector<ConfigMap, Observed>({
      client: this.api,
      resource: configMaps,
      clock: this.clock,
      reduce: (object) => this.reduce(object),
    });
    this.reflector.subscribe((key, current, previous) => this.#hear(key, current, previous));
  }

  reduce({ metadata, data }: ConfigMap): Observed {
    return { resourceVersion: metadata.resourceVersion ?? '', text: data?.text ?? '' };
  }

  async take(step: Step): Promise<void> {
    if ('put' in step) this.#put(step);
    else if ('remove' in step) this.#remove(step.remove);
    else if ('passMs' in step) await this.clock.pass(step.passMs);
    else if ('list' in step) this.#nextList = step.list;
    else if ('silentForMs' in step) this.api.silence = this.clock.sleep(step.silentForMs);
    else this.#disturb(step.watches);
  }

  #put({ put: key, answeredAfterMs }: { put: string; answeredAfterMs?: number }): void {
    const written = structuredClone(
      this.api.put<ConfigMap>(configMaps, { metadata: refAt(key), data: { text: String(++this.#texts) } }),
    );
    if (answeredAfterMs === undefined) return;
    void this.clock.sleep(answeredAfterMs).then(() => this.reflector.observe(written));
  }

  #remove(key: string): void {
    const version = this.api.remove(configMaps, refAt(key));
    if (version) this.#removedAt.set(key, version);
  }

  #disturb(how: 'end' | 'break' | 'expire'): void {
    if (how === 'expire') this.api.expireHistory();
    if (how === 'end' || how === 'expire') this.api.endWatches();
    if (how === 'break') this.api.endWatches(refusal(500, 'InternalError'));
  }

  async #list(): Promise<void> {
    const how = this.#nextList;
    this.#nextList = undefined;
    if (how === 'slow') await this.clock.sleep(1_500);
    if (how === 'fails') throw refusal(500, 'InternalError');
  }

  #hear(key: string, current: Observed | undefined, previous: Observed | undefined): void {
    if (this.told.get(key) !== previous) this.contradictions.push(`${key} was not as said`);
    const before = previous?.resourceVersion ?? '';
    const now = current ? current.resourceVersion : (this.#removedAt.get(key) ?? '');
    if (compareResourceVersions(now, before) <= 0) {
      this.contradictions.push(current ? `${key} went back in time` : `${key} went while it was there`);
    }
    if (current) this.told.set(key, current);
    else this.told.delete(key);
  }
}

it('a reflector comes to hold what the server holds, whatever happens, and tells all of it in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (steps, pageSize) => {
      const scene = new Scene(pageSize);
      const stop = new AbortController();
      const run = scene.reflector.run(stop.signal);
      for (const each of steps) await scene.take(each);
      await scene.clock.pass(3 * 60_000);
      const held = Object.fromEntries(scene.reflector.entries());
      const stored = scene.api.readAll(configMaps).map((object) => [keyOf(object), scene.reduce(object)] as const);
      expect(held).toEqual(Object.fromEntries(stored));
      expect(Object.fromEntries(scene.told)).toEqual(held);
      expect(scene.contradictions).toEqual([]);
      stop.abort();
      await run;
    }),
    { numRuns: 250 },
  );
});
