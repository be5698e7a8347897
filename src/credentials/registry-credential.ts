/** A short-lived username and password of one registry instance. */
export interface RegistryCredential {
  username: string;
  password: string;
  /** Milliseconds since the epoch. */
  issuedAt: number;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** Every domain that the credential opens, as far as the registry service was asked: host, or host:port. */
  domains: string[];
}
