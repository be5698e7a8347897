import { firstNames } from '../first-names.ts';

/** The API server advises not to write longer ones, and cuts those of more than 256 characters. */
const WARNING_LIMIT = 120;

/** `text: name, name and 3 more`, with as many names as a warning has room for. */
export function warningAbout(text: string, names: readonly string[]): string {
  for (let shown = names.length; shown > 0; shown--) {
    const warning = `${text}: ${firstNames(names, shown)}`;
    if (warning.length <= WARNING_LIMIT) return warning;
  }
  return cutWarning(`${text}: ${names.join(', ')}`);
}

/** At most as long as a warning may be. */
export function cutWarning(text: string): string {
  return text.length <= WARNING_LIMIT ? text : `${text.slice(0, WARNING_LIMIT - 3)}...`;
}
