import { readDockerConfigJson, type Auths, type ReadDockerConfig } from '../credentials/docker-config.ts';
import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type { Secret } from '../kube/objects.ts';
import { DATA_KEY, MANAGED_BY_LABEL } from './pull-secret.ts';
import type { ReferencedSecrets } from './referenced-secrets.ts';

/** Why a Secret that `extra-auths` names gives nothing. */
export type UnusableReason = 'Missing' | 'NoDockerConfig' | 'Own';

export interface ExtraAuthsOptions {
  secrets: Pick<ReferencedSecrets, 'get' | 'isSettled' | 'onChange'>;
  /** `extra-auths`: of two Secrets with the same key, the first named wins. */
  names: () => readonly string[];
  onUnusable: (name: string, reason: UnusableReason) => void;
  /** Told of the keys whose entries are left out, as kubelet could not decode them. */
  onUndecodable: (name: string, keys: readonly string[]) => void;
}

/** The entries of all Secrets that `extra-auths` names. */
export interface MergedAuths {
  readonly auths: Auths;
  /** Is it known of each of the Secrets whether it is there? */
  readonly isSettled: boolean;
}

/** What the Secrets that `extra-auths` names hold, merged; made anew only when one of them, or the list, changes. */
export class ExtraAuths {
  readonly #options: ExtraAuthsOptions;
  #names: readonly string[] | undefined;
  #merged: MergedAuths = { auths: {}, isSettled: false };

  constructor(options: ExtraAuthsOptions) {
    this.#options = options;
    options.secrets.onChange(() => (this.#names = undefined));
  }

  /** The same object for as long as nothing changed. */
  current(): MergedAuths {
    const names = this.#options.names();
    if (names !== this.#names) {
      this.#names = names;
      this.#merged = this.#merge(names);
    }
    return this.#merged;
  }

  #merge(names: readonly string[]): MergedAuths {
    const { secrets, onUnusable, onUndecodable } = this.#options;
    const auths = new Map<string, object>();
    for (const name of names.filter((each) => secrets.isSettled(each))) {
      const read = readAuths(secrets.get(name));
      if (typeof read === 'string') {
        onUnusable(name, read);
        continue;
      }
      if (read.undecodable.length > 0) onUndecodable(name, read.undecodable);
      for (const [key, entry] of Object.entries(read.auths)) if (!auths.has(key)) auths.set(key, entry);
    }
    return { auths: Object.fromEntries(auths), isSettled: names.every((name) => secrets.isSettled(name)) };
  }
}

function readAuths(secret: Secret | undefined): ReadDockerConfig | UnusableReason {
  if (!secret) return 'Missing';
  // What it holds came from here: it would keep tokens that have expired.
  if (secret.metadata.labels?.[MANAGED_BY_LABEL] === FIELD_MANAGER) return 'Own';
  const encoded = secret.data?.[DATA_KEY] ?? '';
  return readDockerConfigJson(Buffer.from(encoded, 'base64').toString()) ?? 'NoDockerConfig';
}
