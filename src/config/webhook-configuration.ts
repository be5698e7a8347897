import type { WebhookConfig } from './config.ts';
import { FieldReader } from './field-reader.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';
import { readYaml } from './yaml-node.ts';
import type { MappingNode } from './yaml-node.ts';

const shape = '`enable: true`, and `failure-policy` and `timeout-seconds` on lines of their own in the same column';

/** `webhook-configuration`: off unless it says `enable: true`. */
export function readWebhookConfiguration(text: LocatedText, report: ProblemReport): WebhookConfig {
  const fields = new FieldReader(readMapping(text, shape, report), report);
  const webhook = {
    enabled: fields.read('enable', readSwitch),
    failurePolicy: fields.read('failure-policy', readFailurePolicy),
    timeoutSeconds: fields.read('timeout-seconds', readTimeoutSeconds),
  };
  fields.finish({});
  return webhook;
}

/** `rrsa`, which this version does not support: refused when it is enabled. */
export function refuseRrsa(text: LocatedText, report: ProblemReport): void {
  const fields = new FieldReader(readMapping(text, '`enable: false`', report), report);
  fields.read('enable', (value) => {
    if (!readSwitch(value, report)) return;
    const found = 'RRSA enabled, which this version does not support: tokens would be asked for with another identity';
    report.refuse(value, found, '`false`');
  });
  fields.finish({});
}

function readMapping(text: LocatedText, wanted: string, report: ProblemReport): MappingNode {
  const root = readYaml(text, report, wanted);
  if (root?.kind === 'mapping') return root;
  if (root !== undefined && (root.kind === 'sequence' || root.at.text.trim() !== '')) {
    report.refuse(root.at, root.kind === 'sequence' ? 'a list' : quote(root.at.text), wanted);
  }
  return { kind: 'mapping', at: { ...text, text: '' }, fields: [] };
}

/** YAML 1.1, which Go's programs read, has more words for it than 1.2. */
const switches: Readonly<Record<string, boolean>> = {
  '': false,
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
};

function readSwitch(text: LocatedText, report: ProblemReport): boolean {
  const word = text.text.toLowerCase();
  const value = Object.hasOwn(switches, word) ? switches[word] : undefined;
  if (value === undefined) report.refuse(text, quote(text.text), '`true` or `false`');
  return value ?? false;
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
