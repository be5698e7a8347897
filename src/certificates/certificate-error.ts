import { CodedError } from '../errors.ts';

/** There is no certificate to serve with, or a newer one cannot be had; never holds key material. */
export class CertificateError extends CodedError {}
