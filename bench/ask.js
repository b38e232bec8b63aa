import { connect } from 'node:net';
import { completeOutput, request } from './fastcgi-bytes.js';

const answerTimeoutMs = 30_000;

/**
 * One request to a FastCGI program on a Unix socket.
 *
 * @param {string} path of the socket
 * @param {Record<string, string>} params
 * @returns {Promise<string | undefined>} what it wrote; `undefined` when there is no complete answer
 */
export function ask(path, params) {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => socket.destroy(), answerTimeoutMs);
    let received = Buffer.alloc(0);
    socket.on('connect', () => socket.write(request(params)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(completeOutput(received));
    });
  });
}

/**
 * A GET as nginx passes it on, for the path and query string of `url`.
 *
 * @param {string} url
 */
export function get(url) {
  const [path = '', query = ''] = url.split('?');
  return {
    REQUEST_METHOD: 'GET',
    SCRIPT_NAME: '',
    PATH_INFO: path,
    QUERY_STRING: query,
    REQUEST_URI: url,
    HTTP_HOST: 'localhost',
    SERVER_NAME: 'localhost',
    SERVER_PORT: '80',
    SERVER_PROTOCOL: 'HTTP/1.1',
  };
}
