import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RunfcgidError } from '../errors.ts';

/**
 * Opens an HTTP server and resolves with its port.
 *
 * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED.
 */
export async function listen(
  server: Server,
  address: { readonly host: string; readonly port: number },
): Promise<number> {
  return await new Promise((resolve, reject) => {
    // Stays: an error of accept(2) later must not end the process.
    server.on('error', (error: NodeJS.ErrnoException) => {
      const where = `${address.host}:${address.port}`;
      const isInUse = error.code === 'EADDRINUSE';
      reject(
        isInUse
          ? new RunfcgidError('LISTEN_IN_USE', `the gateway cannot listen on ${where}: somebody else does`, {
              hint: 'Choose another port with --http.',
              cause: error,
            })
          : new RunfcgidError('LISTEN_FAILED', `the gateway cannot listen on ${where}: ${error.message}`, {
              cause: error,
            }),
      );
    });
    server.listen(address.port, address.host, () => resolve(portOf(server.address())));
  });
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
