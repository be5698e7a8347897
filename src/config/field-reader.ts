import { isFieldName } from './field-names.ts';
import { commaList, trimmed } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { verbatim } from './problem-report.ts';
import type { ProblemReport, TextReader } from './problem-report.ts';
import { reportUnread } from './unread-setting.ts';
import type { MappingNode, YamlField, YamlNode } from './yaml-node.ts';

/** Hands out the fields of one mapping by name, and reports those that nobody asked for. */
export class FieldReader {
  /** Where the mapping begins, with no text. */
  readonly start: LocatedText;
  readonly #fields: readonly YamlField[];
  readonly #report: ProblemReport;
  readonly #known = new Set<string>();
  /** The fields that were asked for, with the names they were asked for by. */
  readonly #taken = new Map<YamlField, string>();

  constructor(mapping: MappingNode, report: ProblemReport) {
    this.start = mapping.at;
    this.#fields = mapping.fields;
    this.#report = report;
  }

  /** A field's text; the empty text when the field is absent. */
  text(name: string): LocatedText {
    const node = this.#take(name);
    return node === undefined ? this.start : this.#textOf(name, node);
  }

  /** What the reader makes of a field's text. */
  read<Value>(name: string, reader: TextReader<Value>): Value {
    return reader(this.text(name), this.#report);
  }

  /** The items of a field: a comma list or a YAML list. */
  items(name: string): LocatedText[] {
    const node = this.#take(name);
    if (node === undefined) return [];
    const nodes = node.kind === 'sequence' ? node.items : [node];
    return nodes.flatMap((item) => commaList(this.#textOf(name, item)));
  }

  /**
   * Reports the fields that were not asked for, and the decisive ones that say nothing: an empty one, as a template leaves it,
   * would give everybody, or somebody else, what it was meant to keep from them.
   * @param decisive see {@link reportUnread}.
   */
  finish(decisive: ReadonlySet<string> = new Set()): void {
    for (const field of this.#fields) {
      const name = this.#taken.get(field);
      if (name === undefined) this.#reportUnread(field, decisive);
      else if (decisive.has(name) && isEmpty(field.value)) this.#refuseEmpty(field, name);
    }
  }

  #reportUnread({ name, value }: YamlField, decisive: ReadonlySet<string>): void {
    if (!fieldName.test(name.text)) this.#refuseName(name);
    else reportUnread({ name, isEmpty: isEmpty(value), said: 'a field' }, this.#known, this.#report, decisive);
  }

  #refuseEmpty({ name: at }: YamlField, name: string): void {
    const fix = name === 'namespaces' ? 'names, or `all`, or no such field' : 'a value, or no such field';
    this.#report.refuse(at, `${verbatim(name)} with nothing in it`, fix);
  }

  #take(name: string): YamlNode | undefined {
    this.#known.add(name);
    const field = this.#fields.find(spelt(name)) ?? this.#fields.find(speltInAnyCase(name));
    if (field === undefined) return undefined;
    this.#taken.set(field, name);
    if (field.name.text !== name) this.#report.warn(field.name, `${verbatim(name)} in another case`, verbatim(name));
    return field.value;
  }

  #textOf(name: string, node: YamlNode): LocatedText {
    if (node.kind === 'scalar') return trimmed(node.at);
    const inner = node.kind === 'mapping' ? (node.fields[0]?.name.text ?? '') : '';
    if (isFieldName(inner)) {
      const fix = `${verbatim(inner)} in the column of ${verbatim(name)}`;
      this.#report.refuse(node.at, `${verbatim(inner)} inside ${verbatim(name)}`, fix);
    } else {
      this.#report.refuse(
        node.at,
        `a ${node.kind === 'mapping' ? 'mapping' : 'list'} in ${verbatim(name)}`,
        'one value',
      );
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

/** Nothing, or nothing but commas, quotes and the like. */
function isEmpty(node: YamlNode): boolean {
  if (node.kind === 'scalar') return commaList(node.at).length === 0;
  return node.kind === 'sequence' ? node.items.every(isEmpty) : node.fields.length === 0;
}
