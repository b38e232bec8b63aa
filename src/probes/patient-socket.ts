import { Socket } from 'node:net';

type WriteCallback = (error?: Error | null) => void;

/**
 * A socket that goes on reading when the other end no longer reads. An application may answer and close without
 * having read the whole request body; the write that fails then (EPIPE, ECONNRESET) makes a plain Socket destroy
 * itself, and the answer that waits in the receive buffer is lost. Here such a write counts as done, and so does
 * every later one; the reading side tells how the connection really ended.
 */
export class PatientSocket extends Socket {
  #isInputRefused = false;

  override _write(chunk: unknown, encoding: BufferEncoding, callback: WriteCallback): void {
    if (this.#isInputRefused) callback();
    else super._write(chunk, encoding, this.#forgiving(callback));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: WriteCallback): void {
    if (this.#isInputRefused || super._writev === undefined) callback();
    else super._writev(chunks, this.#forgiving(callback));
  }

  #forgiving(callback: WriteCallback): WriteCallback {
    return (error) => {
      const code = error && 'code' in error ? error.code : undefined;
      if (code !== 'EPIPE' && code !== 'ECONNRESET') {
        callback(error);
        return;
      }
      this.#isInputRefused = true;
      callback();
    };
  }
}
