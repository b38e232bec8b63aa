/** The header of a CGI response (RFC 3875 section 6), with the status it means. */
export interface CgiHead {
  /** 200 to 999; 200 when the application names none, 302 when it names only a Location. */
  readonly status: number;
  /** The application named it, with a `Status` line. */
  readonly isStatusNamed: boolean;
  /** May be empty. */
  readonly reason: string;
  /** In order, duplicates kept, `Status` left out. Values hold bytes as Latin-1 characters, as HTTP does. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A line of a header, without its end; `isFolded` when it continues the one before (RFC 9110 section 5.5). */
const continuation = /^[ \t]/;
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/;
/** What Node lets into an HTTP header: no control character but the tab. */
const legalText = /^[\t\x20-\x7e\x80-\xff]*$/;
const statusValue = /^(\d{3})(?: +(.*))?$/;

/**
 * Reads the lines of a CGI header. A folded line is joined to the one before with a space.
 *
 * @throws SyntaxError that says, as a phrase, what is wrong and quotes the line.
 */
export function parseCgiHead(lines: readonly string[]): CgiHead {
  const fields = unfold(lines).map(parseLine);
  const headers = fields.filter(([name]) => name.toLowerCase() !== 'status');
  const status = fields.find(([name]) => name.toLowerCase() === 'status');
  if (status !== undefined) return { ...parseStatus(status[1]), isStatusNamed: true, headers };
  const isRedirect = headers.some(([name]) => name.toLowerCase() === 'location');
  const implied = isRedirect ? { status: 302, reason: 'Found' } : { status: 200, reason: 'OK' };
  return { ...implied, isStatusNamed: false, headers };
}

/** The value of the first header of that name, in any case of letters. */
export function headerValue(head: CgiHead, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return head.headers.find(([other]) => other.toLowerCase() === wanted)?.[1];
}

function unfold(lines: readonly string[]): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    const previous = whole.at(-1);
    if (!continuation.test(line)) whole.push(line);
    else if (previous === undefined) throw new SyntaxError(`began with a continuation line: ${quote(line)}`);
    else whole[whole.length - 1] = `${previous} ${line.trim()}`;
  }
  return whole;
}

function parseLine(line: string): readonly [string, string] {
  if (!legalText.test(line)) throw new SyntaxError(`sent a control character in its header: ${quote(line)}`);
  const match = headerLine.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new SyntaxError(`sent a line that is no header before its empty line: ${quote(line)}`);
  }
  return [match[1], match[2]];
}

function parseStatus(value: string): { status: number; reason: string } {
  const match = statusValue.exec(value);
  const status = Number(match?.[1]);
  if (match === null || status < 200) {
    throw new SyntaxError(`sent a Status that is no final HTTP status: ${quote(value)}`);
  }
  return { status, reason: match[2] ?? '' };
}

function quote(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
}
