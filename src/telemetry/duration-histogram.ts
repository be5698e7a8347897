import type { Histogram, Metric } from 'prom-client';

type Reading = Awaited<ReturnType<Histogram['get']>>;

/**
 * A histogram without labels that counts while reviews are answered, and makes what prom-client reads when somebody reads it.
 * prom-client's own looks a bucket up by its bound as a text, and makes three objects, at every `observe`.
 */
export class DurationHistogram {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[] = [];
  /** Each with its own count, by their upper bounds in seconds, the last of which is Infinity. */
  readonly #buckets: readonly { readonly le: number; count: number }[];
  #sum = 0;

  /** @param buckets the upper bounds in seconds, ascending. */
  constructor({ name, help, buckets }: { name: string; help: string; buckets: readonly number[] }) {
    this.name = name;
    this.help = help;
    this.#buckets = [...buckets, Number.POSITIVE_INFINITY].map((le) => ({ le, count: 0 }));
  }

  observe(seconds: number): void {
    const bucket = this.#buckets.find(({ le }) => seconds <= le);
    if (bucket) bucket.count += 1;
    this.#sum += seconds;
  }

  /** As the registry reads any metric. */
  get(): Promise<Reading> {
    const { name, help } = this;
    let total = 0;
    const buckets = this.#buckets.map(({ le, count }) => {
      total += count;
      return { metricName: `${name}_bucket`, labels: { le: Number.isFinite(le) ? le : '+Inf' }, value: total };
    });
    const sum = { metricName: `${name}_sum`, labels: {}, value: this.#sum };
    const values = [...buckets, sum, { metricName: `${name}_count`, labels: {}, value: total }];
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values } as unknown as Reading);
  }

  /** For a registry, whose `metrics` asks for nothing but `get`. */
  asMetric(): Metric {
    return this as unknown as Metric;
  }
}
