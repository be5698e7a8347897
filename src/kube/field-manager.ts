/** The name under which the API server records what we write. */
export const FIELD_MANAGER = 'acr-credential-injector';
