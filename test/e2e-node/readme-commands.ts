import { readFileSync } from 'node:fs';

/** What a section of the README tells its readers to do. */
export interface Instructions {
  /** Its first YAML block, a `values.yaml`. Empty: there is none. */
  values: string;
  /** The commands of its first console block, as bash takes them. */
  commands: string[];
}

/**
 * Reads a section's instructions.
 * @param substitutes what is put for words of the README, such as `REGISTRY`.
 */
export function instructionsOf(heading: string, substitutes: Readonly<Record<string, string>>): Instructions {
  const section = readFileSync('README.md', 'utf8')
    .split(/^## /m)
    .find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`the README has no section ${heading}`);
  const [values = ''] = blocksOf(section, 'yaml');
  const [console = ''] = blocksOf(section, 'console');
  const words = new RegExp(`\\b(?:${Object.keys(substitutes).join('|')})\\b`, 'g');
  return { values, commands: commandsOf(console.replaceAll(words, (word) => substitutes[word] ?? word)) };
}

function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block);
}

/** What follows a prompt, with the lines that it goes on in. */
function commandsOf(console: string): string[] {
  return [...console.matchAll(/^\$ ((?:.*\\\n)*.*)$/gm)].map(([, command = '']) => command);
}
