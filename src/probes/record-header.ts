/** Record types of FastCGI 1.0 (specification, section 8). */
export const recordType = {
  beginRequest: 1,
  abortRequest: 2,
  endRequest: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
  data: 8,
  getValues: 9,
  getValuesResult: 10,
  unknownType: 11,
} as const;

export const headerLength = 8;

/** contentLength is 16 bits wide (specification, section 3.3). */
export const longestContent = 65_535;

/** The eight bytes before every record's content (specification, section 3.3). */
export interface RecordHeader {
  readonly version: number;
  readonly type: number;
  readonly requestId: number;
  readonly contentLength: number;
  readonly paddingLength: number;
}

/** Reads the header at the beginning of `bytes`, which holds at least eight. */
export function readHeader(bytes: Buffer): RecordHeader {
  return {
    version: bytes.readUInt8(0),
    type: bytes.readUInt8(1),
    requestId: bytes.readUInt16BE(2),
    contentLength: bytes.readUInt16BE(4),
    paddingLength: bytes.readUInt8(6),
  };
}
