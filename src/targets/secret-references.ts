/** Which pull Secrets the lists of a target's ServiceAccounts and Pods are to name. */
export interface SecretReferences {
  /** To be there; empty before there is a token, as kubelet warns of references to Secrets that do not exist. */
  readonly attach: readonly string[];
  /** May be there. */
  readonly keep: readonly string[];
}
