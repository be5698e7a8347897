import { asMap, asText } from './api-object.ts';
import type { JsonMap } from './api-object.ts';
import type { FieldError } from './status-error.ts';
import { fieldError } from './validation.ts';

/** What is wrong with the webhooks of a MutatingWebhookConfiguration. */
export function webhookErrors(webhooks: JsonMap[]): FieldError[] {
  const names = webhooks.map(({ name }) => asText(name));
  return webhooks.flatMap((webhook, index) => {
    const path = `webhooks[${index}]`;
    const repeated = names.indexOf(names[index] ?? '') < index;
    return [
      ...(repeated ? [duplicate(`${path}.name`, names[index] ?? '')] : []),
      ...webhookNameErrors(names[index] ?? '', `${path}.name`),
      ...fieldErrors(webhook, path),
      ...clientConfigErrors(asMap(webhook.clientConfig), `${path}.clientConfig`),
    ];
  });
}

function duplicate(field: string, name: string): FieldError {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${JSON.stringify(name)}` };
}

function webhookNameErrors(name: string, field: string): FieldError[] {
  if (name.split('.').filter((part) => part !== '').length >= 3) return [];
  const why = `${JSON.stringify(name)}: should be a domain with at least three segments separated by dots`;
  return [fieldError('Invalid', field, why)];
}

function fieldErrors({ sideEffects, admissionReviewVersions, timeoutSeconds }: JsonMap, path: string): FieldError[] {
  const seconds = Number(timeoutSeconds);
  const versions = Array.isArray(admissionReviewVersions) ? admissionReviewVersions : [];
  return [
    ...(['None', 'NoneOnDryRun'].includes(asText(sideEffects))
      ? []
      : [fieldError('Required', `${path}.sideEffects`, 'must specify one of None, NoneOnDryRun')]),
    ...(versions.length > 0
      ? []
      : [fieldError('Required', `${path}.admissionReviewVersions`, 'must specify one of v1, v1beta1')]),
    ...(seconds >= 1 && seconds <= 30
      ? []
      : [
          fieldError(
            'Invalid',
            `${path}.timeoutSeconds`,
            `${seconds}: the timeout value must be between 1 and 30 seconds`,
          ),
        ]),
  ];
}

function clientConfigErrors({ url, service }: JsonMap, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((url === undefined) === (service === undefined)) {
    errors.push(fieldError('Required', path, 'exactly one of url or service is required'));
  }
  if (url !== undefined && !asText(url).startsWith('https://')) {
    errors.push(fieldError('Invalid', `${path}.url`, `${JSON.stringify(url)}: 'https' is the only allowed URL scheme`));
  }
  return errors;
}
