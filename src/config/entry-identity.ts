import type { RegistryEntry } from './config.ts';
import type { FieldReader } from './field-reader.ts';
import type { LocatedText } from './located-text.ts';
import { isName, secretRule } from './object-name.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

/** As whom an entry's token is asked for, where that is not as whom the service is. */
export type EntryIdentity = Pick<
  RegistryEntry,
  'assumeRoleArn' | 'expireDurationSeconds' | 'rrsaRoleArn' | 'rrsaOidcProviderArn' | 'accessKey' | 'accessKeySecretRef'
>;

/** @param rrsaEnabled what the key `rrsa` says. */
export function readEntryIdentity(fields: FieldReader, rrsaEnabled: boolean, report: ProblemReport): EntryIdentity {
  const assumeRoleArn = readArn(fields.text('assumeRoleARN'), roleArn, report);
  const durationText = fields.text('expireDuration');
  const roleText = fields.text('rrsaRoleARN');
  const rrsa = readRrsaRole({ role: roleText, provider: fields.text('rrsaOIDCProviderRoleARN') }, rrsaEnabled, report);
  const accessKey = readAccessKey(fields, report);
  const expireDurationSeconds = readExpireDuration(durationText, report);
  if (roleText.text !== '' && Object.keys(accessKey).length > 0) {
    report.refuse(roleText, '`rrsaRoleARN` beside an AccessKey, two identities in one entry', 'one of them');
  }
  if (expireDurationSeconds !== undefined && assumeRoleArn === undefined && roleText.text === '') {
    report.warn(durationText, '`expireDuration` without a role to assume', 'nothing in its place');
  }
  return {
    ...(assumeRoleArn !== undefined && { assumeRoleArn }),
    ...(expireDurationSeconds !== undefined && { expireDurationSeconds }),
    ...rrsa,
    ...accessKey,
  };
}

function readRrsaRole(
  { role, provider }: { role: LocatedText; provider: LocatedText },
  rrsaEnabled: boolean,
  report: ProblemReport,
): EntryIdentity {
  const rrsaRoleArn = readArn(role, roleArn, report);
  const rrsaOidcProviderArn = readArn(provider, providerArn, report);
  if (rrsaRoleArn === undefined && rrsaOidcProviderArn === undefined) return {};
  if (rrsaRoleArn === undefined) {
    report.refuse(provider, '`rrsaOIDCProviderRoleARN` without a role', `\`rrsaRoleARN: ${roleArn.example}\` too`);
    return {};
  }
  if (rrsaOidcProviderArn === undefined) {
    const fix = `\`rrsaOIDCProviderRoleARN: ${providerArn.example}\` too`;
    report.refuse(role, '`rrsaRoleARN` without the provider that vouches for the cluster', fix);
    return {};
  }
  if (!rrsaEnabled) {
    const fix = '`enable: true` in the key `rrsa`, or an entry without this field';
    report.refuse(role, '`rrsaRoleARN`, while the key `rrsa` does not enable it', fix);
  }
  return { rrsaRoleArn, rrsaOidcProviderArn };
}

/** No message says a value: where an ID belongs there may be a secret. */
function readAccessKey(fields: FieldReader, report: ProblemReport): EntryIdentity {
  const [id, secret] = [fields.text('customAccessKey'), fields.text('customAccessKeySecret')];
  const reference = fields.text('customAccessKeySecretRef');
  const given = [id, secret].filter(({ text }) => text !== '');
  if (reference.text !== '') {
    if (given[0]) report.refuse(given[0], 'an AccessKey beside `customAccessKeySecretRef`', 'one of them');
    if (!isName(reference.text, secretRule)) {
      report.refuse(reference, "a value that is not a Secret's name", 'the name of a Secret of the own namespace');
    }
    return { accessKeySecretRef: reference.text };
  }
  const [only] = given;
  if (only === undefined) return {};
  const names =
    only === id ? ['customAccessKey', 'customAccessKeySecret'] : ['customAccessKeySecret', 'customAccessKey'];
  if (given.length === 1) report.refuse(only, names.map((name) => `\`${name}\``).join(' without '), 'both of them');
  for (const half of given) {
    if (!headerSafe.test(half.text))
      report.refuse(half, 'what cannot be part of an AccessKey', 'it as it was given out');
  }
  return { accessKey: { id: id.text, secret: secret.text } };
}

/** They become part of HTTP headers. */
const headerSafe = /^[\x21-\x7e]{1,1024}$/;

interface ArnForm {
  readonly what: string;
  readonly form: RegExp;
  readonly example: string;
}

const roleArn: ArnForm = {
  what: "a RAM role's ARN",
  form: /^acs:ram::\d{1,32}:role\/[\w.-]{1,128}$/,
  example: 'acs:ram::1234567890123456:role/name',
};
const providerArn: ArnForm = {
  what: "an OIDC provider's ARN",
  form: /^acs:ram::\d{1,32}:oidc-provider\/[\w.-]{1,128}$/,
  example: 'acs:ram::1234567890123456:oidc-provider/name',
};

function readArn(text: LocatedText, { what, form, example }: ArnForm, report: ProblemReport): string | undefined {
  if (text.text === '') return undefined;
  if (!form.test(text.text)) report.refuse(text, `a value that is not ${what}`, `\`${example}\``);
  return text.text;
}

/** What the Security Token Service takes, in seconds. */
const expireDurations = { min: 900, max: 43_200 };

function readExpireDuration(text: LocatedText, report: ProblemReport): number | undefined {
  if (text.text === '') return undefined;
  const seconds = /^\d{1,9}$/.test(text.text) ? Number(text.text) : Number.NaN;
  if (seconds >= expireDurations.min && seconds <= expireDurations.max) return seconds;
  const fix = `a whole number of seconds from ${expireDurations.min} to ${expireDurations.max}, such as \`3600\``;
  report.refuse(text, `${quote(text.text)}, which is no session's length`, fix);
  return undefined;
}
