import { unquoted } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

const maxLength = 254;
/** Registries take no notice of it: what is no address at all is refused, and no more. */
const addressForm = /^[^\s@,;<>"]+@[^\s@,;<>"]+$/;

/** `notify-email`: goes into the `email` of the auth entries; by default they have none. */
export function readNotifyEmail(whole: LocatedText, report: ProblemReport): string | undefined {
  const text = unquoted(whole);
  if (text.text === '') return undefined;
  if (text.text.length > maxLength || !addressForm.test(text.text)) {
    report.refuse(text, `${quote(text.text)}, which is not an e-mail address`, 'one address such as `ops@example.com`');
  }
  return text.text;
}
