import { expect, it } from 'vitest';
import { replicaIdentity } from '../../src/leadership/replica-identity.ts';

it("is the Pod's name, whichever container of it runs", () => {
  expect(replicaIdentity({ POD_NAME: 'acr-credential-injector-7d9' })).toBe('acr-credential-injector-7d9');
});

it('is never the same twice where there is no Pod', () => {
  expect(replicaIdentity({})).not.toBe(replicaIdentity({}));
  expect(replicaIdentity({ POD_NAME: '' })).not.toBe('');
});
