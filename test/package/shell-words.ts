/** A command of a shell block: its words, without variables that are set before it. */
export interface ShellCommand {
  readonly line: string;
  readonly words: readonly string[];
}

/** The simple commands of a block for a POSIX shell: comments, line ends, quotes, `&&`, `;`, and loops, which run with their first value. */
export function shellCommands(code: string): ShellCommand[] {
  const values = new Map<string, string>();
  const lines = code.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return lines.flatMap((line) =>
    parts(line).flatMap((found): ShellCommand[] => {
      const words = found
        .slice(found[0] === 'do' ? 1 : 0)
        .map((word) => word.replaceAll(/\$(\w+)/g, (whole, name) => values.get(name) ?? whole));
      if (words[0] === 'for') values.set(words[1], words[3]);
      if (['for', 'done'].includes(words[0])) return [];
      const begin = words.findIndex((word) => !/^\w+=/.test(word));
      const end = words.findIndex((word) => /^[<>|]/.test(word));
      return begin < 0 ? [] : [{ line: line.trim(), words: words.slice(begin, end < 0 ? undefined : end) }];
    }),
  );
}

/** The words of each command in a line. */
function parts(line: string): string[][] {
  const commands: string[][] = [[]];
  // Quoted pieces and others in one word; separators; a comment ends the line.
  for (const [token] of line.matchAll(/#.*|&&|;|(?:'[^']*'|"[^"]*"|[^\s;&'"])+/g)) {
    if (token.startsWith('#')) break;
    if (token === '&&' || token === ';') commands.push([]);
    else commands.at(-1)!.push(token.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, a, b) => a ?? b));
  }
  return commands.filter((words) => words.length > 0);
}
