import { RunfcgidError } from '../errors.ts';
import { checkHeader, isKnownType, type PeerExpectation } from './header-rules.ts';
import { areNameValuePairs } from './name-value-pairs.ts';
import { headerLength, type RecordHeader, readHeader, recordType } from './record-header.ts';

/** An application has no reason to send any; more than this and it is not an application. */
const mostUnknownRecords = 100;

/** How many bytes from the beginning of an answer an error quotes. */
const quotedLength = 32;

const paddingOffset = 6;

/**
 * Stands between the wire and fastcgi-stream, which throws on an unknown record type, loses its place on type 0,
 * copies its whole backlog for every record, and believes every length. It takes bytes in pieces of any size,
 * checks each header before anything else happens, skips records of types that FastCGI 1.0 does not know, and
 * hands on one whole, well-formed record at a time, without its padding. It holds at most one record.
 */
export class RecordGuard {
  readonly #expectation: PeerExpectation;
  readonly #header = Buffer.alloc(headerLength);
  #headerFilled = 0;
  /** The record being collected: header and content. */
  #record: Buffer | undefined;
  #recordFilled = 0;
  /** Content of an unknown record and padding of any: read and forgotten. */
  #bytesToSkip = 0;
  #unknownRecords = 0;
  readonly #beginning = Buffer.alloc(quotedLength);
  #beginningFilled = 0;

  constructor(expectation: PeerExpectation) {
    this.#expectation = expectation;
  }

  /** True between two records: a connection that closes now cuts nothing. */
  get isBetweenRecords(): boolean {
    return this.#headerFilled === 0 && this.#record === undefined && this.#bytesToSkip === 0;
  }

  /**
   * Yields the records that `chunk` completes. The caller may stop early and must not come back after that.
   *
   * @throws RunfcgidError FASTCGI_PROTOCOL at the first byte that breaks the protocol; the connection is lost then.
   */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    this.#rememberBeginning(chunk);
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#record !== undefined) {
        const taken = chunk.copy(this.#record, this.#recordFilled, offset);
        offset += taken;
        this.#recordFilled += taken;
        if (this.#recordFilled === this.#record.length) yield this.#completeRecord(this.#record);
      } else if (this.#bytesToSkip > 0) {
        const skipped = Math.min(this.#bytesToSkip, chunk.length - offset);
        offset += skipped;
        this.#bytesToSkip -= skipped;
      } else {
        const taken = chunk.copy(this.#header, this.#headerFilled, offset);
        offset += taken;
        this.#headerFilled += taken;
        const isEmptyRecord = this.#headerFilled === headerLength && this.#beginRecord();
        if (isEmptyRecord && this.#record !== undefined) yield this.#completeRecord(this.#record);
      }
    }
  }

  /** True when the record is complete with its header. */
  #beginRecord(): boolean {
    const header = readHeader(this.#header);
    this.#headerFilled = 0;
    const problem = checkHeader(header, this.#expectation);
    if (problem !== undefined) throw this.#violation(problem);
    this.#bytesToSkip = header.paddingLength;
    if (!isKnownType(header.type)) {
      this.#skipUnknown(header);
      return false;
    }
    this.#record = Buffer.alloc(headerLength + header.contentLength);
    this.#recordFilled = this.#header.copy(this.#record);
    this.#record.writeUInt8(0, paddingOffset);
    return header.contentLength === 0;
  }

  #skipUnknown(header: RecordHeader): void {
    this.#unknownRecords += 1;
    if (this.#unknownRecords > mostUnknownRecords) {
      throw this.#violation(
        `sent more than ${mostUnknownRecords} records of types that FastCGI does not know`,
      );
    }
    this.#bytesToSkip += header.contentLength;
  }

  #completeRecord(record: Buffer): Buffer {
    this.#record = undefined;
    this.#recordFilled = 0;
    const isResult = record.readUInt8(1) === recordType.getValuesResult;
    if (isResult && !areNameValuePairs(record.subarray(headerLength))) {
      throw this.#violation('answered GET_VALUES with name-value pairs that are longer than their record');
    }
    return record;
  }

  #rememberBeginning(chunk: Buffer): void {
    this.#beginningFilled += chunk.copy(this.#beginning, this.#beginningFilled);
  }

  #violation(problem: string): RunfcgidError {
    const beginning = this.#beginning.subarray(0, this.#beginningFilled).toString('latin1');
    const isText = /^[\x20-\x7e\r\n\t]{8,}$/.test(beginning);
    const quote = isText ? `; its answer begins ${JSON.stringify(beginning)}` : '';
    return new RunfcgidError('FASTCGI_PROTOCOL', `${this.#expectation.peer} ${problem}${quote}`, {
      hint: hintFor(beginning, isText),
    });
  }
}

function hintFor(beginning: string, isText: boolean): string {
  if (beginning.startsWith('HTTP/')) return 'An HTTP server listens there. A FastCGI program is needed.';
  if (isText)
    return 'The program writes plain text where FastCGI records belong: it runs as CGI, or is another kind of server.';
  return 'The program that listens there does not speak FastCGI as a responder.';
}
