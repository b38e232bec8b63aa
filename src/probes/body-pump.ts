import { finished, type Readable } from 'node:stream';
import type { FastcgiConnection } from './fastcgi-client.ts';

/** Sends a request body as STDIN, no faster than the application takes it, and the record that ends it. */
export class BodyPump {
  readonly #body: Readable;
  readonly #connection: FastcgiConnection;
  readonly #forget: () => void;

  /** `onError`: the body broke off. Its end is not sent then, so that nobody takes it for complete. */
  constructor(body: Readable, connection: FastcgiConnection, onError: (error: Error) => void) {
    this.#body = body;
    this.#connection = connection;
    this.#forget = finished(body, { writable: false }, (error) => {
      this.detach();
      if (error) onError(error);
      else connection.endStream('stdin');
    });
    body.on('data', this.#send);
  }

  /** The connection takes more. */
  resume(): void {
    this.#body.resume();
  }

  /** Leaves the rest of the body to its owner, paused or flowing as it is. */
  detach(): void {
    this.#forget();
    this.#body.off('data', this.#send);
  }

  readonly #send = (chunk: Buffer): void => {
    if (!this.#connection.send('stdin', chunk)) this.#body.pause();
  };
}
