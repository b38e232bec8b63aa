/** Name and value of a parameter. Text is sent as UTF-8; bytes are sent as they are. */
export type Param = readonly [name: string, value: string | Uint8Array];

/** Lengths above this take four bytes, with the highest bit set (FastCGI specification, section 3.4). */
const longestShortLength = 127;
const longLengthBit = 0x8000_0000;

/** The content of a PARAMS or GET_VALUES stream (FastCGI specification, section 3.4). */
export function encodePairs(params: readonly Param[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of params) {
    const nameBytes = Buffer.from(name, 'utf8');
    const valueBytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value);
    parts.push(encodeLength(nameBytes.length), encodeLength(valueBytes.length), nameBytes, valueBytes);
  }
  return Buffer.concat(parts);
}

/** True when `content` is exactly a sequence of whole name-value pairs. */
export function areNameValuePairs(content: Buffer): boolean {
  let offset = 0;
  while (offset < content.length) {
    const name = readLength(content, offset);
    const value = name && readLength(content, name.next);
    if (name === undefined || value === undefined) return false;
    offset = value.next + name.length + value.length;
  }
  return offset === content.length;
}

function encodeLength(length: number): Buffer {
  if (length <= longestShortLength) return Buffer.of(length);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length + longLengthBit);
  return bytes;
}

function readLength(content: Buffer, offset: number): { length: number; next: number } | undefined {
  const first = content[offset];
  if (first === undefined) return undefined;
  if (first <= longestShortLength) return { length: first, next: offset + 1 };
  if (offset + 4 > content.length) return undefined;
  return { length: content.readUInt32BE(offset) - longLengthBit, next: offset + 4 };
}
