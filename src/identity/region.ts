import { CodedError, messageOf } from '../errors.ts';
import { isRegionId } from '../region-id.ts';
import type { MetadataService } from './metadata-service.ts';

export interface ClusterRegionOptions {
  /** `--region`; absent or empty: the metadata service is asked. */
  configured?: string | undefined;
  metadata: Pick<MetadataService, 'read'>;
}

export const regionUnknownCode = 'RegionUnknown';

/** The region that the cluster is in: as configured, else the one of the node; kept once it is found. */
export class ClusterRegion {
  readonly #options: ClusterRegionOptions;
  readonly #configured: string | undefined;
  #found: string | undefined;

  constructor(options: ClusterRegionOptions) {
    this.#options = options;
    this.#configured = options.configured === '' ? undefined : options.configured;
  }

  /** The region if it is known by now. */
  get known(): string | undefined {
    return this.#configured ?? this.#found;
  }

  /** @throws CodedError with `regionUnknownCode`, or the signal's reason. */
  async region(signal: AbortSignal): Promise<string> {
    this.#found ??= await this.#find(signal);
    return this.#found;
  }

  /** The region, or else a substitute where any region will do. @throws as {@link region} does when there is none either. */
  async regionOr(substitute: () => string | undefined, signal: AbortSignal): Promise<string> {
    try {
      return await this.region(signal);
    } catch (error) {
      signal.throwIfAborted();
      const region = substitute();
      if (region === undefined) throw error;
      return region;
    }
  }

  async #find(signal: AbortSignal): Promise<string> {
    const { metadata } = this.#options;
    if (this.#configured !== undefined) return checked(this.#configured, '--region');
    try {
      return checked(await metadata.read('/latest/meta-data/region-id', signal), 'the metadata service');
    } catch (error) {
      if (!(error instanceof CodedError) || error.code === regionUnknownCode) throw error;
      throw unknown(messageOf(error), error.retryable);
    }
  }
}

function checked(text: string, origin: string): string {
  if (isRegionId(text)) return text;
  throw unknown(`${origin} says ${JSON.stringify(text.slice(0, 40))}, which is no region ID`, false);
}

function unknown(why: string, retryable: boolean): CodedError {
  return new CodedError(`the cluster's region is not known: ${why}; set --region, or regionId in acr-registry-info`, {
    code: regionUnknownCode,
    retryable,
  });
}
