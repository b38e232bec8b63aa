// Written by hand, so that no contender's own code takes part in a measurement.

const endRequestType = 3;
const stdoutType = 6;
const getValuesResultType = 10;

/**
 * The bytes of a whole FastCGI request without a body.
 *
 * @param {Record<string, string>} params each name and value shorter than 128 bytes
 */
export function request(params) {
  const pairs = Object.entries(params).map(([name, value]) =>
    Buffer.concat([Buffer.of(name.length, value.length), Buffer.from(name + value)]),
  );
  return Buffer.concat([
    record(1, Buffer.of(0, 1, 0, 0, 0, 0, 0, 0)),
    record(4, Buffer.concat(pairs)),
    record(4, Buffer.alloc(0)),
    record(5, Buffer.alloc(0)),
  ]);
}

/** A question to the server itself, which no application takes part in: FCGI_GET_VALUES. */
export function valuesQuestion() {
  const name = 'FCGI_MAX_CONNS';
  return record(9, Buffer.concat([Buffer.of(name.length, 0), Buffer.from(name)]), 0);
}

/** @param {Buffer} bytes what came for it */
export function isValuesAnswer(bytes) {
  return bytes.length >= 8 && bytes.readUInt8(1) === getValuesResultType;
}

/**
 * @param {number} type
 * @param {Buffer} content
 */
function record(type, content, id = 1) {
  const header = Buffer.of(1, type, 0, id, 0, 0, 0, 0);
  header.writeUInt16BE(content.length, 4);
  return Buffer.concat([header, content]);
}

/**
 * What the program wrote; `undefined` while the answer is not at its end.
 *
 * @param {Buffer} bytes
 */
export function completeOutput(bytes) {
  let output = '';
  for (let offset = 0; offset + 8 <= bytes.length; ) {
    const type = bytes.readUInt8(offset + 1);
    const end = offset + 8 + bytes.readUInt16BE(offset + 4);
    if (type === endRequestType) return output;
    if (type === stdoutType) output += bytes.toString('utf8', offset + 8, end);
    offset = end + bytes.readUInt8(offset + 6);
  }
  return undefined;
}
