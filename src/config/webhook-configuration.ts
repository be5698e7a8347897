import type { WebhookConfig } from './config.ts';
import { FieldReader } from './field-reader.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';
import { readMapping, readSwitch } from './switch-mapping.ts';

const shape = '`enable: true`, and `failure-policy` and `timeout-seconds` on lines of their own in the same column';

/** `webhook-configuration`: off unless it says `enable: true`. */
export function readWebhookConfiguration(text: LocatedText, report: ProblemReport): WebhookConfig {
  const fields = new FieldReader(readMapping(text, shape, report), report);
  const webhook = {
    enabled: fields.read('enable', readSwitch),
    failurePolicy: fields.read('failure-policy', readFailurePolicy),
    timeoutSeconds: fields.read('timeout-seconds', readTimeoutSeconds),
  };
  fields.finish();
  return webhook;
}

function readFailurePolicy(text: LocatedText, report: ProblemReport): WebhookConfig['failurePolicy'] {
  const policy = text.text.toLowerCase();
  if (policy === 'fail') return 'Fail';
  if (policy !== '' && policy !== 'ignore') report.refuse(text, quote(text.text), '`Ignore` or `Fail`');
  return 'Ignore';
}

/** What Kubernetes allows. */
const timeoutRange = { min: 1, max: 30 };
const defaultTimeoutSeconds = 10;

function readTimeoutSeconds(text: LocatedText, report: ProblemReport): number {
  if (text.text === '') return defaultTimeoutSeconds;
  const seconds = /^\d{1,9}$/.test(text.text) ? Number(text.text) : Number.NaN;
  if (seconds >= timeoutRange.min && seconds <= timeoutRange.max) return seconds;
  const fix = `a whole number of seconds from ${timeoutRange.min} to ${timeoutRange.max}, such as \`10\``;
  report.refuse(text, `${quote(text.text)}, which is no time limit for a webhook`, fix);
  return defaultTimeoutSeconds;
}
