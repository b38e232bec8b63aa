/** Text for a terminal: workers decide what they print, not what our terminal does. */
export function printable(text: string): string {
  return text.replaceAll('\t', '    ').replaceAll(/\p{Cc}/gu, '\u{fffd}');
}
