import { type ServerResponse, STATUS_CODES } from 'node:http';

export interface ErrorPage {
  readonly status: number;
  /** What happened, for the person in front of the browser. */
  readonly message: string;
  readonly hint?: string | undefined;
}

/** For the record of the request. */
export interface SentPage {
  readonly bodyBytes: number;
  readonly problem: string;
}

/**
 * Answers with a small page of the gateway's own. The connection stays open, so that a client that is still sending
 * its body reads the page instead of a reset.
 */
export function sendErrorPage(response: ServerResponse, page: ErrorPage): SentPage {
  const body = errorPageHtml(page);
  response.writeHead(page.status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
  return { bodyBytes: Buffer.byteLength(body), problem: page.message };
}

/** The page, with everything that came from outside escaped. */
export function errorPageHtml(page: ErrorPage): string {
  const title = `${page.status} ${STATUS_CODES[page.status] ?? 'Error'}`;
  return [
    '<!doctype html>',
    `<html lang="en"><meta charset="utf-8"><title>${title}</title>`,
    '<style>body{font:16px/1.5 sans-serif;max-width:42em;margin:4em auto;padding:0 1em}</style>',
    `<h1>${title}</h1>`,
    `<p>${escapeHtml(page.message)}.</p>`,
    page.hint === undefined ? '' : `<p>${escapeHtml(page.hint)}</p>`,
    '<p><small>fcgictl gateway, for development only</small></p></html>',
    '',
  ].join('\n');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
