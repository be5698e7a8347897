import { expect } from 'vitest';
import { kubectl } from './kubectl-tools.ts';

/** Any object of the API. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
}

/** How a tool writes: Flux on the server's side; Argo CD on the client's, with the last configuration in an annotation, unless told otherwise. */
export const applying = {
  'server-side apply': ['--server-side', '--force-conflicts', '--field-manager=gitops'],
  'client-side apply': ['--field-manager=gitops'],
} as const;

/** A tool that keeps objects as they are in Git. */
export class GitOpsTool {
  readonly #kubeconfig: string;
  readonly #how: readonly string[];

  constructor(kubeconfig: string, how: keyof typeof applying) {
    this.#kubeconfig = kubeconfig;
    this.#how = applying[how];
  }

  async sync(manifests: readonly Manifest[]): Promise<void> {
    await this.#apply(manifests);
  }

  async remove(manifests: readonly Manifest[]): Promise<void> {
    await this.#run(['delete', '--ignore-not-found', '--wait=false', '--filename', '-'], manifests);
  }

  /** What becomes of each object when it is synced now, as far as the API server can tell without doing it. */
  async predicted(manifests: readonly Manifest[]): Promise<Manifest[]> {
    return objectsIn(await this.#apply(manifests, '--dry-run=server'));
  }

  async live(manifests: readonly Manifest[]): Promise<Manifest[]> {
    return objectsIn(await this.#run(['get', '--output=json', '--filename', '-'], manifests));
  }

  #apply(manifests: readonly Manifest[], ...more: string[]): Promise<string> {
    return this.#run(['apply', ...this.#how, ...more, '--output=json', '--filename', '-'], manifests);
  }

  async #run(args: readonly string[], items: readonly Manifest[]): Promise<string> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const { stdout, stderr, code } = await kubectl(args, { kubeconfig: this.#kubeconfig, input });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  }
}

function objectsIn(list: string): Manifest[] {
  return (JSON.parse(list) as { items: Manifest[] }).items.map(lasting);
}

/** Without what no source holds: the status, and who wrote which field when. */
function lasting(object: Manifest): Manifest {
  const metadata = without(object.metadata, ['/managedFields']);
  return { ...without(object, ['/status']), metadata } as Manifest;
}

/**
 * What an object would be if `desired` were written over it by somebody who knows nothing of admission: as an RFC 7386 merge patch,
 * which treats a ServiceAccount's lists as Kubernetes does.
 */
export function merged(live: object, desired: object): object {
  const fields = Object.entries(desired).map(([name, value]: [string, unknown]) => {
    const old = (live as Record<string, unknown>)[name];
    return [name, isMapping(old) && isMapping(value) ? merged(old, value) : value];
  });
  return { ...live, ...(Object.fromEntries(fields) as object) };
}

/** The object without what JSON Pointers to its topmost fields point to. */
export function without(object: object, pointers: readonly string[]): object {
  const ignored = new Set(pointers);
  return Object.fromEntries(Object.entries(object).filter(([name]) => !ignored.has(`/${name}`)));
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
