import type { Param } from '../probes/name-value-pairs.ts';
import { hopByHopNames } from './hop-by-hop.ts';
import type { RequestTarget } from './request-target.ts';

/** One HTTP request, as far as CGI is concerned. Header values hold bytes as Latin-1 characters. */
export interface HttpRequestHead {
  readonly method: string;
  readonly target: RequestTarget;
  /** `1.1` or `1.0`. */
  readonly httpVersion: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** In bytes, known also for a body that came in chunks; `undefined` when there is none. */
  readonly contentLength: number | undefined;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A header may become a variable only when its name maps to it one to one: `a_b` would pass for `a-b`. */
const passableName = /^[A-Za-z0-9-]+$/;

/** They have variables of their own; `Proxy` would set HTTP_PROXY, which HTTP clients obey (CVE-2016-5385). */
const neverPassed = new Set(['content-length', 'content-type', 'expect', 'host', 'proxy', 'x-forwarded-for']);

/**
 * The CGI variables of a request (RFC 3875 section 4.1), as nginx with its fastcgi_params would send them to an
 * application at the root: SCRIPT_NAME is empty and PATH_INFO the whole path. `extra` comes last and wins.
 */
export function cgiParams(request: HttpRequestHead, extra: Readonly<Record<string, string>>): Param[] {
  const params = new Map<string, string>([...requestVariables(request), ...headerVariables(request)]);
  const own = [...params].map(([name, value]): Param => [name, Buffer.from(value, 'latin1')]);
  return [...own.filter(([name]) => !(name in extra)), ...Object.entries(extra)];
}

function requestVariables(request: HttpRequestHead): [string, string][] {
  const { target } = request;
  return [
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'fcgictl-gateway'],
    ['SERVER_PROTOCOL', `HTTP/${request.httpVersion}`],
    ['SERVER_NAME', hostName(firstHeader(request, 'host')) ?? request.local.address],
    ['SERVER_ADDR', request.local.address],
    ['SERVER_PORT', String(request.local.port)],
    ['REMOTE_ADDR', request.remote.address],
    ['REMOTE_PORT', String(request.remote.port)],
    ['REQUEST_SCHEME', 'http'],
    ['REQUEST_METHOD', request.method],
    ['REQUEST_URI', target.uri],
    ['DOCUMENT_URI', target.path],
    ['SCRIPT_NAME', ''],
    ['PATH_INFO', target.path],
    ['QUERY_STRING', target.query],
    ['CONTENT_TYPE', firstHeader(request, 'content-type') ?? ''],
    ['CONTENT_LENGTH', request.contentLength === undefined ? '' : String(request.contentLength)],
    // php-cgi refuses to run without it when built with force-cgi-redirect.
    ['REDIRECT_STATUS', '200'],
  ];
}

function headerVariables(request: HttpRequestHead): [string, string][] {
  const dropped = hopByHopNames(request.headers);
  const values = new Map<string, string[]>();
  for (const [name, value] of request.headers) {
    const lower = name.toLowerCase();
    if (!passableName.test(name) || dropped.has(lower) || neverPassed.has(lower)) continue;
    values.set(lower, [...(values.get(lower) ?? []), value]);
  }
  const host = firstHeader(request, 'host');
  if (host !== undefined) values.set('host', [host]);
  values.set('x-forwarded-for', [...allHeaders(request, 'x-forwarded-for'), request.remote.address]);
  return [...values].map(([name, list]) => [variableName(name), list.join(name === 'cookie' ? '; ' : ', ')]);
}

function variableName(header: string): string {
  return `HTTP_${header.toUpperCase().replaceAll('-', '_')}`;
}

function allHeaders(request: HttpRequestHead, name: string): string[] {
  return request.headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

function firstHeader(request: HttpRequestHead, name: string): string | undefined {
  return allHeaders(request, name)[0];
}

/** `example.org` of `example.org:8000`, `[::1]` of `[::1]:8000`. */
function hostName(host: string | undefined): string | undefined {
  const name = host?.replace(/:\d*$/, '');
  return name === '' ? undefined : name;
}
