import type { ForeignReason } from '../secrets/secret-drift.ts';

/** What memory knows of one namespace when an object in it is under review: decisions look nothing up. */
export interface AdmissionView {
  readonly secretName: string;
  /** What the API server does when we do not answer; decides what we answer when there is no token. */
  readonly failurePolicy: 'Ignore' | 'Fail';
  /** `timeout-seconds`, for a request that does not say what it grants. */
  readonly timeoutSeconds: number;
  /** Is the namespace selected by the configuration? */
  readonly isTarget: boolean;
  readonly optedOut: boolean;
  readonly terminating: boolean;
  readonly foreignSecret: ForeignReason | null;
  /** Is a Secret of ours known to be there? */
  readonly secretKnown: boolean;
  readonly hasLiveCredential: boolean;
  /** Keys of the registry entries that have no live token. */
  readonly deadRegistries: readonly string[];
  selectsServiceAccount(name: string): boolean;
  /** Would kubelet use one of our tokens for the image? */
  managesImage(image: string): boolean;
}
