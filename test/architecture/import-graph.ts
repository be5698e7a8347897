import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

/** One import of a source file; paths are relative to `src`, packages are as written. */
export interface Import {
  from: string;
  to: string;
  /** Erased when the source runs. (`import { type X }` is not: it leaves an import for its side effects.) */
  isTypeOnly: boolean;
}

export interface SourceFile {
  path: string;
  imports: Import[];
  /** What it names, properties as `Date.now`. */
  names: Set<string>;
}

/** Every file under a folder. */
export function readSources(folder: URL): SourceFile[] {
  const paths = globSync('**/*.ts', { cwd: folder }).sort();
  return paths.map((path) => parseSource(path, readFileSync(new URL(path, folder), 'utf8')));
}

export function parseSource(path: string, text: string): SourceFile {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  const file: SourceFile = { path, imports: [], names: new Set() };
  const add = (specifier: ts.Expression | undefined, isTypeOnly: boolean) => {
    if (!specifier || !ts.isStringLiteral(specifier)) return;
    const { text: to } = specifier;
    const target = to.startsWith('.') ? posix.join(posix.dirname(path), to) : to;
    file.imports.push({ from: path, to: target, isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    } else {
      nameOf(node).forEach((name) => file.names.add(name));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return file;
}

function nameOf(node: ts.Node): string[] {
  if (ts.isIdentifier(node)) return [node.text];
  const isMember = ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression);
  return isMember ? [`${node.expression.text}.${node.name.text}`] : [];
}
