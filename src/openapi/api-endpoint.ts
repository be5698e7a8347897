/** Where a region's OpenAPI is. */
export interface ApiEndpoints {
  endpointOf(regionId: string): Promise<URL>;
  /** The endpoint could not be reached: it is looked for anew when it is asked for next. */
  forget(regionId: string): void;
}

/** Tells whether the host can be reached. Never rejects. */
export type Probe = (host: string) => Promise<boolean>;

/** One endpoint for every region. */
export function fixedEndpoint(endpoint: URL): ApiEndpoints {
  return { endpointOf: () => Promise.resolve(endpoint), forget: () => undefined };
}

/**
 * The cloud's own endpoints: the host inside the VPC where it can be reached, else the public one. The choice is made before a
 * call, so that none is sent twice, and is kept for each region.
 */
export class CloudEndpoints implements ApiEndpoints {
  readonly #hostsOf: (regionId: string) => readonly string[];
  readonly #probe: Probe;
  readonly #chosen = new Map<string, Promise<URL>>();

  /** @param hostsOf a region's hosts, in the order in which they should be tried; the last is the public one. */
  constructor(hostsOf: (regionId: string) => readonly string[], probe: Probe) {
    this.#hostsOf = hostsOf;
    this.#probe = probe;
  }

  endpointOf(regionId: string): Promise<URL> {
    const known = this.#chosen.get(regionId);
    if (known !== undefined) return known;
    const choice = this.#choose(this.#hostsOf(regionId));
    this.#chosen.set(regionId, choice);
    return choice;
  }

  forget(regionId: string): void {
    this.#chosen.delete(regionId);
  }

  async #choose(hosts: readonly string[]): Promise<URL> {
    for (const host of hosts.slice(0, -1)) {
      if (await this.#probe(host)) return new URL(`https://${host}`);
    }
    return new URL(`https://${hosts.at(-1) ?? ''}`);
  }
}
