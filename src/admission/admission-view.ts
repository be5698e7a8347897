import type { ForeignReason } from '../secrets/secret-drift.ts';

/** What memory knows of one namespace when an object in it is under review: decisions look nothing up. */
export interface AdmissionView {
  /** The pull Secrets that lists of this namespace are to name; never empty. */
  readonly secretNames: readonly string[];
  /** What the API server does when we do not answer; decides what we answer when there is no token. */
  readonly failurePolicy: 'Ignore' | 'Fail';
  /** `timeout-seconds`, for a request that does not say what it grants. */
  readonly timeoutSeconds: number;
  /** Is the break-glass switch on? Then nothing is touched. */
  readonly paused: boolean;
  /** Has a watch brought the namespace? */
  readonly isSeen: boolean;
  /** Is the namespace selected by the configuration? */
  readonly isTarget: boolean;
  readonly optedOut: boolean;
  readonly terminating: boolean;
  readonly foreignSecret: ForeignReason | null;
  /** Is every pull Secret that could be written known to be there? */
  readonly secretKnown: boolean;
  readonly hasLiveCredential: boolean;
  /** Keys of the registry entries that are meant for the namespace and have no live token. */
  readonly deadRegistries: readonly string[];
  selectsServiceAccount(name: string): boolean;
  /** Would kubelet use one of our tokens for the image? */
  managesImage(image: string): boolean;
}
