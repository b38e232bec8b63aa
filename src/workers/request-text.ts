import type { ShownRequest } from './scoreboard.ts';

const mostNamed = 5;

/** `GET /search?q=x`; a worker that was killed while it wrote that down leaves no name. */
export function nameRequest({ method, uri }: Pick<ShownRequest, 'method' | 'uri'>): string {
  const name = `${method} ${uri}`.trim();
  return name === '' ? 'a request without a name' : name;
}

/** `2 requests: GET /a, POST /b`. */
export function nameRequests(requests: readonly ShownRequest[]): string {
  const named = requests.slice(0, mostNamed).map(nameRequest).join(', ');
  const rest = requests.length - mostNamed;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return `${requests.length} request${requests.length === 1 ? '' : 's'}: ${named}${more}`;
}

/** For the log. */
export function requestFields(request: ShownRequest): ShownRequest {
  return { ...request, ageMs: Math.round(request.ageMs) };
}

export function showSeconds(durationMs: number): string {
  return `${Number((durationMs / 1_000).toFixed(durationMs < 10_000 ? 1 : 0))} s`;
}
