import { EVENT_ID, SCALAR_STYLE, YAMLException, getScalarValue, parseEvents } from 'js-yaml';
import type { Event, MappingEvent, ScalarEvent, SequenceEvent } from 'js-yaml';
import { sayField } from './field-names.ts';
import { part } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { mendYaml } from './mend-yaml.ts';
import type { ProblemReport } from './problem-report.ts';
import { refuseSyntax } from './yaml-syntax.ts';

/** A YAML value that knows where it stands. */
export type YamlNode = ScalarNode | SequenceNode | MappingNode;

/** Numbers and booleans are left as their text; null is the empty text. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly at: LocatedText;
}

export interface SequenceNode {
  readonly kind: 'sequence';
  readonly at: LocatedText;
  readonly items: readonly YamlNode[];
}

export interface MappingNode {
  readonly kind: 'mapping';
  readonly at: LocatedText;
  readonly fields: readonly YamlField[];
}

export interface YamlField {
  /** Without text where a list or a mapping stands in its place. */
  readonly name: LocatedText;
  readonly value: YamlNode;
}

/** What is configured here is two levels deep, a list of domains three. */
const maxDepth = 8;

/**
 * Reads a key's text as one YAML document, JSON included; an empty text is an empty scalar. Slips whose meaning is plain are
 * mended so that the rest can be read as well. Undefined, and a problem in the report, where that leads to nothing.
 * Aliases are refused, so no document is larger than its text.
 * @param shape what to write, for the message about a text that is not YAML.
 */
export function readYaml(text: LocatedText, report: ProblemReport, shape: string): YamlNode | undefined {
  const mended = mendYaml(text, isYaml, report);
  try {
    const events = parseEvents(mended.text, { maxDepth });
    return new NodeReader(mended, events, report).readDocument(shape);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    refuseSyntax(error, mended, shape, report);
    return undefined;
  }
}

function isYaml(text: string): boolean {
  try {
    parseEvents(text, { maxDepth });
    return true;
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return false;
  }
}

const nullScalar = /^(?:~|null|Null|NULL)?$/;

/** Builds the nodes of one document from the parser's flat list of events. */
class NodeReader {
  readonly #text: LocatedText;
  readonly #events: readonly Event[];
  readonly #report: ProblemReport;
  #next = 0;
  /** Behind what was read last. */
  #end = 0;
  /** The first dash behind what was read when it was looked for, so that no text is searched twice. */
  #dash = -1;

  constructor(text: LocatedText, events: readonly Event[], report: ProblemReport) {
    this.#text = text;
    this.#events = events;
    this.#report = report;
  }

  readDocument(shape: string): YamlNode {
    const empty: YamlNode = { kind: 'scalar', at: part(this.#text, 0, 0) };
    if (this.#events.length === 0) return empty;
    this.#next = 1;
    const root = this.#readNode(empty.at);
    if (this.#events.length > this.#next + 1) {
      this.#report.refuse(empty.at, 'several YAML documents, parted by `---`', shape);
    }
    return root;
  }

  /** @param missing where an empty value is said to stand, for it has no place of its own. */
  #readNode(missing: LocatedText): YamlNode {
    const event = this.#events[this.#next];
    this.#next += 1;
    if (event?.type === EVENT_ID.SCALAR) return this.#readScalar(event, missing);
    if (event?.type === EVENT_ID.SEQUENCE) return this.#readSequence(event);
    if (event?.type === EVENT_ID.MAPPING) return this.#readMapping(event);
    if (event?.type !== EVENT_ID.ALIAS) return { kind: 'scalar', at: missing };
    const at = this.#part(event.anchorStart, event.anchorStart);
    this.#report.refuse(at, 'an alias', 'the value itself');
    return { kind: 'scalar', at };
  }

  #readScalar(event: ScalarEvent, missing: LocatedText): ScalarNode {
    this.#refuseTag(event);
    if (event.valueStart < 0) return { kind: 'scalar', at: missing };
    this.#end = event.valueEnd;
    const raw = this.#part(event.valueStart, event.valueEnd);
    const value = getScalarValue(this.#text.text, event);
    const text = event.style === SCALAR_STYLE.PLAIN && nullScalar.test(value) ? '' : value;
    return { kind: 'scalar', at: { ...raw, text, verbatim: raw.text === text } };
  }

  #readSequence(event: SequenceEvent): SequenceNode {
    this.#refuseTag(event);
    const at = this.#part(event.start, event.start);
    const items: YamlNode[] = [];
    this.#end = event.start;
    while (!this.#pop()) items.push(this.#readNode(this.#nextDash()));
    return { kind: 'sequence', at, items };
  }

  /** Where the next item of a list begins, should it be empty. */
  #nextDash(): LocatedText {
    const { text } = this.#text;
    if (this.#dash < this.#end) {
      const found = text.indexOf('-', this.#end);
      this.#dash = found < 0 ? text.length : found;
    }
    this.#end = this.#dash + 1;
    return this.#part(this.#dash, this.#dash);
  }

  #readMapping(event: MappingEvent): MappingNode {
    this.#refuseTag(event);
    const at = this.#part(event.start, event.start);
    const fields: YamlField[] = [];
    const names = new Set<string>();
    while (!this.#pop()) {
      const name = this.#readNode(at).at;
      const value = this.#readNode(part(name, name.text.length, name.text.length));
      if (names.has(name.text))
        this.#report.refuse(name, `${sayField(name.text)} once more in one entry`, 'each field once');
      else fields.push({ name, value });
      names.add(name.text);
    }
    return { kind: 'mapping', at, fields };
  }

  #pop(): boolean {
    const event = this.#events[this.#next];
    if (event !== undefined && event.type !== EVENT_ID.POP) return false;
    this.#next += 1;
    return true;
  }

  #refuseTag({ tagStart, tagEnd }: ScalarEvent | SequenceEvent | MappingEvent): void {
    if (tagStart < 0) return;
    this.#report.refuse(this.#part(tagStart, tagEnd), 'a YAML tag', 'the value without a tag');
  }

  #part(start: number, end: number): LocatedText {
    return part(this.#text, start, end);
  }
}
