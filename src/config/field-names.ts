import { verbatim } from './problem-report.ts';

/** The fields that say as whom a token is asked for. Whatever stands in them may be a secret. */
export const identityFields = [
  'assumeRoleARN',
  'rrsaRoleARN',
  'rrsaOIDCProviderRoleARN',
  'customAccessKey',
  'customAccessKeySecret',
  'customAccessKeySecretRef',
] as const;

/** The other fields, of every key. */
const plainFields = [
  ...['instanceId', 'regionId', 'domains', 'namespaces', 'expireDuration'],
  ...['enable', 'failure-policy', 'timeout-seconds'],
];

const plain = new Set(plainFields.map((name) => name.toLowerCase()));
const all = new Set([...plain, ...identityFields.map((name) => name.toLowerCase())]);

/** Is it a field's name, in any case? What is none may be a value in the wrong place, and so a secret. */
export function isFieldName(name: string): boolean {
  return all.has(name.toLowerCase());
}

/** A field in a message, by its name if it is one. */
export function sayField(name: string): string {
  return isFieldName(name) ? verbatim(name) : 'a field';
}

/** May the field's value be said? */
export function isPlainField(name: string): boolean {
  return plain.has(name.toLowerCase());
}
