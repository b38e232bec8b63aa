import { type RecordHeader, recordType } from './record-header.ts';

/** What may come back from an application that serves one request. */
export interface PeerExpectation {
  /** Names the application in errors: its address. */
  readonly peer: string;
  readonly requestId: number;
}

interface TypeRule {
  readonly name: string;
  /** `request`: our request id. `management`: id 0. `never`: only a web server sends it. */
  readonly scope: 'request' | 'management' | 'never';
  /** The only content length allowed, where the specification fixes it. */
  readonly length?: number;
}

/** FastCGI 1.0 specification, sections 4 to 6: which record travels in which direction, under which id. */
const rules: Readonly<Record<number, TypeRule>> = {
  [recordType.beginRequest]: { name: 'BEGIN_REQUEST', scope: 'never' },
  [recordType.abortRequest]: { name: 'ABORT_REQUEST', scope: 'never' },
  [recordType.endRequest]: { name: 'END_REQUEST', scope: 'request', length: 8 },
  [recordType.params]: { name: 'PARAMS', scope: 'never' },
  [recordType.stdin]: { name: 'STDIN', scope: 'never' },
  [recordType.stdout]: { name: 'STDOUT', scope: 'request' },
  [recordType.stderr]: { name: 'STDERR', scope: 'request' },
  [recordType.data]: { name: 'DATA', scope: 'never' },
  [recordType.getValues]: { name: 'GET_VALUES', scope: 'never' },
  [recordType.getValuesResult]: { name: 'GET_VALUES_RESULT', scope: 'management' },
  [recordType.unknownType]: { name: 'UNKNOWN_TYPE', scope: 'management', length: 8 },
};

const knownVersion = 1;

/** True for the types of FastCGI 1.0; others are skipped, as section 4.2 expects of an implementation. */
export function isKnownType(type: number): boolean {
  return rules[type] !== undefined;
}

/** What is wrong with a header that an application sent, as a phrase without its subject; `undefined` when nothing is. */
export function checkHeader(header: RecordHeader, expectation: PeerExpectation): string | undefined {
  if (header.version !== knownVersion) {
    return `sent a record of version ${header.version}; FastCGI has only version ${knownVersion}`;
  }
  const rule = rules[header.type];
  if (rule === undefined) return undefined;
  if (rule.scope === 'never') return `sent a ${rule.name} record, which only a web server may send`;
  const expectedId = rule.scope === 'request' ? expectation.requestId : 0;
  if (header.requestId !== expectedId) {
    return `sent a ${rule.name} record with request id ${header.requestId} instead of ${expectedId}`;
  }
  if (rule.length !== undefined && header.contentLength !== rule.length) {
    return `sent a ${rule.name} record of ${header.contentLength} bytes instead of ${rule.length}`;
  }
  return undefined;
}
