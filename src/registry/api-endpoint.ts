import { connect } from 'node:net';
import { apiHosts } from './registry-host.ts';

/** Where a region's OpenAPI is. */
export interface ApiEndpoints {
  endpointOf(regionId: string): Promise<URL>;
  /** The endpoint could not be reached: it is looked for anew when it is asked for next. */
  forget(regionId: string): void;
}

/** Tells whether a TCP connection to the host can be made. Never rejects. */
export type Probe = (host: string) => Promise<boolean>;

/** One endpoint for every region. */
export function fixedEndpoint(endpoint: URL): ApiEndpoints {
  return { endpointOf: () => Promise.resolve(endpoint), forget: () => undefined };
}

/**
 * The cloud's own endpoints: the host inside the VPC where a connection to it can be made, else the public one. The choice is
 * made by connecting alone, so that a request is never sent twice, and is kept for each region.
 */
export class CloudEndpoints implements ApiEndpoints {
  readonly #probe: Probe;
  readonly #chosen = new Map<string, Promise<URL>>();

  constructor(probe: Probe = (host) => canConnect(host)) {
    this.#probe = probe;
  }

  endpointOf(regionId: string): Promise<URL> {
    const known = this.#chosen.get(regionId);
    if (known !== undefined) return known;
    const choice = this.#choose(apiHosts(regionId));
    this.#chosen.set(regionId, choice);
    return choice;
  }

  forget(regionId: string): void {
    this.#chosen.delete(regionId);
  }

  async #choose(hosts: readonly string[]): Promise<URL> {
    const [first = '', ...others] = hosts;
    for (const host of others.length === 0 ? [] : [first]) {
      if (await this.#probe(host)) return new URL(`https://${host}`);
    }
    return new URL(`https://${others.at(-1) ?? first}`);
  }
}

/** Outside a VPC its hosts resolve, but packets to them vanish: the time limit is what tells. */
export async function canConnect(host: string, port = 443, timeoutMs = 1500): Promise<boolean> {
  const socket = connect({ host, port, timeout: timeoutMs });
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => {
        resolve(true);
      });
      for (const event of ['timeout', 'error']) {
        socket.on(event, () => {
          resolve(false);
        });
      }
    });
  } finally {
    socket.destroy();
  }
}
