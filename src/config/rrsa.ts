import { FieldReader } from './field-reader.ts';
import type { LocatedText } from './located-text.ts';
import type { ProblemReport } from './problem-report.ts';
import { readMapping, readSwitch } from './switch-mapping.ts';

/** `rrsa`: RAM roles for ServiceAccounts are off unless it says `enable: true`. */
export function readRrsa(text: LocatedText, report: ProblemReport): boolean {
  const fields = new FieldReader(readMapping(text, '`enable: true` or `enable: false`', report), report);
  const enabled = fields.read('enable', readSwitch);
  fields.finish();
  return enabled;
}
