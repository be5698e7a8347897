import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';
import { readYaml } from './yaml-node.ts';
import type { MappingNode } from './yaml-node.ts';

/** A key whose text is a YAML mapping; an empty one is a mapping without fields. @param wanted what to write instead. */
export function readMapping(text: LocatedText, wanted: string, report: ProblemReport): MappingNode {
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

/** `enable`: off unless it is there. */
export function readSwitch(text: LocatedText, report: ProblemReport): boolean {
  const word = text.text.toLowerCase();
  const value = Object.hasOwn(switches, word) ? switches[word] : undefined;
  if (value === undefined) report.refuse(text, quote(text.text), '`true` or `false`');
  return value ?? false;
}
