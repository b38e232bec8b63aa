/**
 * Triggers do not pile up: while one is being handled, any number of further ones become exactly one more,
 * and it is the latest.
 */
export type Pending<Event> =
  | { readonly name: 'idle' }
  | { readonly name: 'handling' }
  | { readonly name: 'handling-with-one-more'; readonly next: Event };

export interface PendingStep<Event> {
  readonly pending: Pending<Event>;
  /** To be handled now. */
  readonly handle: Event | undefined;
}

export const idle = { name: 'idle' } as const;

/** A trigger fired. */
export function fired<Event>(pending: Pending<Event>, event: Event): PendingStep<Event> {
  if (pending.name === 'idle') return { pending: { name: 'handling' }, handle: event };
  return { pending: { name: 'handling-with-one-more', next: event }, handle: undefined };
}

/** The one being handled is done, with whatever result. */
export function handled<Event>(pending: Pending<Event>): PendingStep<Event> {
  if (pending.name === 'handling-with-one-more') {
    return { pending: { name: 'handling' }, handle: pending.next };
  }
  return { pending: idle, handle: undefined };
}
