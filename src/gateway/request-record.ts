/** What the gateway tells about each request when it is over. */
export interface RequestRecord {
  readonly remote: string;
  readonly method: string;
  /** As the client wrote it. */
  readonly uri: string;
  /** 499, nginx's number, when the client left before an answer. */
  readonly status: number;
  readonly bodyBytes: number;
  readonly durationMs: number;
  /** What went wrong, as a sentence without its full stop. */
  readonly problem: string | undefined;
}

/** One line: `127.0.0.1 "GET /x" 200 5123 bytes 12 ms`. */
export function formatRequestRecord(record: RequestRecord): string {
  const line = JSON.stringify(`${record.method} ${record.uri}`);
  const problem = record.problem === undefined ? '' : `: ${record.problem}`;
  const duration = `${Math.round(record.durationMs)} ms`;
  return `${record.remote} ${line} ${record.status} ${record.bodyBytes} bytes ${duration}${problem}`;
}
