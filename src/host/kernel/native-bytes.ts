import { endianness } from 'node:os';

const isLittleEndian = endianness() === 'LE';

/** An `int` in the byte order of this machine. */
export function int32(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer);
}

/** An `unsigned short` in the byte order of this machine. */
export function uint16(value: number): Buffer {
  return Buffer.from(Uint16Array.of(value).buffer);
}

export function readInt32(bytes: Buffer, offset: number): number {
  return isLittleEndian ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset);
}

export function readUint32(bytes: Buffer, offset: number): number {
  return readInt32(bytes, offset) >>> 0;
}

export function readUint16(bytes: Buffer, offset: number): number {
  return isLittleEndian ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset);
}
