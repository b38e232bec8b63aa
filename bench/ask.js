import { connect } from 'node:net';
import { completeOutput, isValuesAnswer, request, valuesQuestion } from './fastcgi-bytes.js';

const answerTimeoutMs = 30_000;
const valuesTimeoutMs = 2_000;

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
 * Asks whoever accepts on a Unix socket about itself, which needs no application.
 *
 * @param {string} path of the socket
 * @returns {Promise<boolean>} whether it answers
 */
export function askForValues(path) {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => socket.destroy(), valuesTimeoutMs);
    socket.on('connect', () => socket.write(valuesQuestion()));
    socket.on('data', (chunk) => {
      resolve(isValuesAnswer(chunk));
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(false);
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
