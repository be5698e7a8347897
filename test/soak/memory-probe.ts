import type { ServiceProcess } from '../contract/service-process.ts';

/** Has a service that was started with `--inspect` collect its garbage, and reads what memory it then takes. */
export class MemoryProbe {
  readonly #service: ServiceProcess;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, () => void>();
  #id = 0;

  private constructor(service: ServiceProcess, socket: WebSocket) {
    this.#service = service;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id } = JSON.parse(String(data)) as { id?: number };
      if (id !== undefined) this.#answers.get(id)?.();
    });
  }

  static async attach(service: ServiceProcess): Promise<MemoryProbe> {
    const [, url = ''] = /Debugger listening on (ws:\S+)/.exec(service.output) ?? [];
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', reject, { once: true });
    });
    return new MemoryProbe(service, socket);
  }

  /** In bytes, after a collection. */
  async residentBytes(): Promise<number> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#answers.set(id, () => resolve(undefined));
    this.#socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
    await promise;
    this.#answers.delete(id);
    return valueOf(await this.#service.metrics(), 'process_resident_memory_bytes');
  }

  close(): void {
    this.#socket.close();
  }
}

function valueOf(metrics: string, name: string): number {
  return Number(new RegExp(`^(?:acr_injector_)?${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
