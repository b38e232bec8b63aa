import { RunfcgidError } from '../errors.ts';
import type { EndOfRequest } from '../probes/fastcgi-request.ts';
import type { ErrorPage } from './error-page.ts';
import { BodyTooShort } from './exact-body.ts';
import { BodyTooLarge } from './request-body.ts';

/**
 * The page for an exchange that failed; `end` is how the application ended it, if it did. `undefined` for an error
 * that neither the application nor the request explains.
 */
export function explainFailure(error: unknown, end: EndOfRequest | undefined): ErrorPage | undefined {
  if (end !== undefined && end.protocolStatus === 'overloaded') {
    return { status: 503, message: 'the application says that it is overloaded' };
  }
  if (end !== undefined && end.protocolStatus !== 'complete') {
    return { status: 502, message: `the application refused the request (${end.protocolStatus})` };
  }
  if (error instanceof BodyTooLarge) return { status: 413, message: error.message };
  if (error instanceof BodyTooShort) return { status: 502, message: error.message };
  if (error instanceof RunfcgidError)
    return { status: statusOf(error), message: error.message, hint: error.hint };
  return undefined;
}

function statusOf(error: RunfcgidError): number {
  if (error.code === 'FASTCGI_TIMEOUT') return 504;
  if (error.code === 'INTERNAL') return 500;
  return 502;
}
