/**
 * Lines that are no longer than `width`, broken at spaces; what follows a break is indented by four more than its line.
 * A word stays whole, however long: paths and commands are there to be copied. So do lines that a worker wrote (`  | …`).
 *
 * @param width of the terminal; `undefined`: no terminal, nothing is broken.
 */
export function wrapLines(lines: readonly string[], width: number | undefined): readonly string[] {
  return width === undefined ? lines : lines.flatMap((line) => wrapLine(line, width));
}

function wrapLine(line: string, width: number): readonly string[] {
  const indent = /^ */.exec(line)?.[0] ?? '';
  if (line.length <= width || line.startsWith(`${indent}| `)) return [line];
  const wrapped: string[] = [];
  let current = indent;
  for (const word of line.slice(indent.length).split(' ')) {
    const isFirst = current.trim() === '';
    if (!isFirst && current.length + 1 + word.length > width) {
      wrapped.push(current.trimEnd());
      current = `${indent}    ${word}`;
    } else {
      current = isFirst ? `${current}${word}` : `${current} ${word}`;
    }
  }
  return [...wrapped, current];
}
