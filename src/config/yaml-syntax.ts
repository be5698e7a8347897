import type { YAMLException } from 'js-yaml';
import { isFieldName } from './field-names.ts';
import { part, positionOf } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { verbatim } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

const fieldName = /(?:^|\s)([A-Za-z][\w-]*):(?=\s)/g;

/**
 * Reports a text that is not YAML, as exactly as the parser's position allows.
 * @param shape what to write.
 */
export function refuseSyntax(error: YAMLException, text: LocatedText, shape: string, report: ProblemReport): void {
  const offset = error.mark?.position ?? 0;
  const at = part(text, offset, offset);
  const names = fieldsOfLine(at);
  if (names.length > 1) {
    report.refuse(at, `${names.join(' and ')} on one line`, 'each field on a line of its own, in one column');
    return;
  }
  // The library's reasons name tags last: they are the user's words, and might be a secret.
  const reason = error.reason.replace(/(?:: | ").*$/s, '');
  report.refuse(at, `text that is not YAML: ${reason}`, shape);
}

function fieldsOfLine(at: LocatedText): string[] {
  const line = at.source.lines[positionOf(at).line - 1] ?? '';
  const names = Array.from(line.matchAll(fieldName), ([, name = '']) => name);
  return names.filter(isFieldName).map(verbatim);
}
