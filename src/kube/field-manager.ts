import type { ObjectMeta } from './objects.ts';

/** The name under which the API server records what we write. */
export const FIELD_MANAGER = 'acr-credential-injector';

/** Is that a name of ours? Some writes say more in it: `acr-credential-injector?…`. */
export function isOurs(manager: string | undefined): boolean {
  return manager === FIELD_MANAGER || manager?.startsWith(`${FIELD_MANAGER}?`) === true;
}

/** The field managers that wrote an object beside us, the latest first. */
export function otherManagers({ managedFields = [] }: Pick<ObjectMeta, 'managedFields'>): string[] {
  const others = managedFields.filter(({ manager }) => manager !== undefined && !isOurs(manager));
  const latestFirst = others.toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));
  return [...new Set(latestFirst.map(({ manager = '' }) => manager))];
}
