/** Builds FastCGI records by the specification, right or wrong as a test needs them. */
export interface RecordParts {
  readonly version?: number;
  readonly type: number;
  readonly id?: number;
  readonly content?: Buffer | string;
  readonly padding?: number;
  /** Written instead of the true length. */
  readonly claimedLength?: number;
}

export function record(parts: RecordParts): Buffer {
  const content = Buffer.from(parts.content ?? '');
  const padding = parts.padding ?? 0;
  const header = Buffer.alloc(8);
  header.writeUInt8(parts.version ?? 1, 0);
  header.writeUInt8(parts.type, 1);
  header.writeUInt16BE(parts.id ?? 1, 2);
  header.writeUInt16BE(parts.claimedLength ?? content.length, 4);
  header.writeUInt8(padding, 6);
  return Buffer.concat([header, content, Buffer.alloc(padding, 0xaa)]);
}

export function endRequest(appStatus = 0, protocolStatus = 0, id = 1): Buffer {
  const content = Buffer.alloc(8);
  content.writeUInt32BE(appStatus, 0);
  content.writeUInt8(protocolStatus, 4);
  return record({ type: 3, id, content });
}

/** A small generator of repeatable randomness (mulberry32), so that a failure can be run again. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Cuts bytes into pieces of random sizes, most of them small. */
export function cutRandomly(bytes: Buffer, random: (below: number) => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const size = 1 + random(random(2) === 0 ? 12 : 5000);
    pieces.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return pieces;
}
