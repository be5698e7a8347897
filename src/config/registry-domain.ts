import { separators } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

/** Globs as in the keys of a dockerconfigjson, but not in the last two labels: they would give the token to strangers. */
const domain =
  /^(?:(?:[a-z0-9*](?:[-a-z0-9*]{0,61}[a-z0-9*])?\.)*[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)(?::(\d{1,5}))?$/i;
const globbedEnd = /\*[^.]*(?:\.[^.]*)?$/;
const maxLength = 253;

/** Those created from 2024-09-09 on. */
const newPersonal = /\.personal\.cr\.aliyuncs\.com$/i;

const rule = 'domains such as `example.cn-hangzhou.cr.aliyuncs.com`, parted by commas';

/** A registry's domain, with a port where it has one, as image references name it. */
export function readDomain(item: LocatedText, report: ProblemReport): string {
  if (!isDomain(item.text)) {
    const domains = item.text.split(separators).map(bareDomain);
    const fix = domains.every(isDomain) ? quote(domains.join(',')) : rule;
    report.refuse(item, `${quote(item.text)}, which is not a registry's domain`, fix);
  } else if (newPersonal.test(item.text)) {
    const fix = '`extra-auths`, with a Secret that holds its fixed username and password';
    report.warn(item, `${quote(item.text)}, a Personal instance of the kind that takes no temporary tokens`, fix);
  }
  return item.text;
}

/** What an URL or a reference to a repository says of the registry. */
function bareDomain(text: string): string {
  return text
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/^.*@/s, '')
    .replace(/\.?(?:\/.*)?$/s, '');
}

function isDomain(text: string): boolean {
  const match = text.length <= maxLength ? domain.exec(text) : null;
  if (match === null || globbedEnd.test(text)) return false;
  const port = match[1];
  return port === undefined || (Number(port) > 0 && Number(port) < 65_536);
}
