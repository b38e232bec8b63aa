import { Transform, type TransformCallback } from 'node:stream';

/** The application announced more bytes than it sent: the client must see a broken answer, not a short one. */
export class BodyTooShort extends Error {}

/** Passes a response body on, counted, and held to the length that its header announced. */
export class ExactBody extends Transform {
  readonly #announced: number | undefined;
  /** Bytes passed on so far. */
  passed = 0;

  constructor(announced: number | undefined) {
    super();
    this.#announced = announced;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    // What comes beyond the announced length would be read as the next answer on the client's connection.
    const left = (this.#announced ?? Number.POSITIVE_INFINITY) - this.passed;
    const kept = chunk.length > left ? chunk.subarray(0, left) : chunk;
    this.passed += kept.length;
    callback(null, kept);
  }

  override _flush(callback: TransformCallback): void {
    if (this.#announced === undefined || this.passed === this.#announced) callback();
    else
      callback(new BodyTooShort(`the application sent ${this.passed} bytes of a body of ${this.#announced}`));
  }
}
