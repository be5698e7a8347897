import { commaList, trimmed } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport, TextReader } from './problem-report.ts';
import { reportUnread } from './unread-setting.ts';
import type { UnsupportedSettings } from './unread-setting.ts';
import type { MappingNode, YamlField, YamlNode } from './yaml-node.ts';

/** Hands out the fields of one mapping by name, and reports those that nobody asked for. */
export class FieldReader {
  /** Where the mapping begins, with no text. */
  readonly start: LocatedText;
  readonly #fields: readonly YamlField[];
  readonly #report: ProblemReport;
  readonly #known = new Set<string>();
  readonly #taken = new Set<YamlField>();

  constructor(mapping: MappingNode, report: ProblemReport) {
    this.start = mapping.at;
    this.#fields = mapping.fields;
    this.#report = report;
  }

  /** What the reader makes of a field's text; of the empty text when the field is absent. */
  read<Value>(name: string, reader: TextReader<Value>): Value {
    const node = this.#take(name);
    return reader(node === undefined ? this.start : this.#textOf(name, node), this.#report);
  }

  /** The items of a field: a comma list or a YAML list. */
  items(name: string): LocatedText[] {
    const node = this.#take(name);
    if (node === undefined) return [];
    const nodes = node.kind === 'sequence' ? node.items : [node];
    return nodes.flatMap((item) => commaList(this.#textOf(name, item)));
  }

  /** Reports the fields that were not asked for. */
  finish(unsupported: UnsupportedSettings): void {
    for (const field of this.#fields) {
      if (this.#taken.has(field)) continue;
      if (!fieldName.test(field.name.text)) this.#refuseName(field.name);
      else if (!isEmpty(field.value)) reportUnread(field.name, this.#known, unsupported, this.#report);
    }
  }

  #take(name: string): YamlNode | undefined {
    this.#known.add(name);
    const field = this.#fields.find(spelt(name)) ?? this.#fields.find(speltInAnyCase(name));
    if (field === undefined) return undefined;
    this.#taken.add(field);
    if (field.name.text !== name) this.#report.warn(field.name, `\`${name}\` in another case`, quote(name));
    return field.value;
  }

  #textOf(name: string, node: YamlNode): LocatedText {
    if (node.kind === 'scalar') return trimmed(node.at);
    if (node.kind === 'mapping') {
      const inner = quote(node.fields[0]?.name.text ?? '');
      this.#report.refuse(node.at, `${inner} inside ${quote(name)}`, `${inner} in the column of ${quote(name)}`);
    } else {
      this.#report.refuse(node.at, `a list in ${quote(name)}`, 'one value');
    }
    return this.start;
  }

  /** What stands where a name belongs may be a value, and so a secret. */
  #refuseName(name: LocatedText): void {
    const fix = 'fields as `name: value`, and a comma list in one pair of quotes';
    this.#report.refuse(name, "what is no field's name, where one belongs", fix);
  }
}

const fieldName = /^[A-Za-z][\w-]*$/;

function spelt(name: string): (field: YamlField) => boolean {
  return (field) => field.name.text === name;
}

/** The documentation itself says `InstanceId` in places. */
function speltInAnyCase(name: string): (field: YamlField) => boolean {
  return (field) => field.name.text.toLowerCase() === name.toLowerCase();
}

function isEmpty(node: YamlNode): boolean {
  if (node.kind === 'scalar') return node.at.text.trim() === '';
  return (node.kind === 'sequence' ? node.items : node.fields).length === 0;
}
