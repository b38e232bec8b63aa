/** What the operator of the daemon wants, said by a signal. */
export type SignalIntent = 'stop' | 'stop-now' | 'reload' | 'reopen-logs';

/** The first TERM or INT is a request, the second one impatience. */
const firstIntent = {
  SIGTERM: 'stop',
  SIGINT: 'stop',
  SIGQUIT: 'stop-now',
  SIGHUP: 'reload',
  SIGUSR1: 'reopen-logs',
} as const satisfies Partial<Record<NodeJS.Signals, SignalIntent>>;

export type ControlSignal = keyof typeof firstIntent;

export const controlSignals = Object.keys(firstIntent) as readonly ControlSignal[];

/** What hears signals: `process`, or a stand-in. */
export interface SignalSource {
  on(signal: ControlSignal, listener: () => void): unknown;
  off(signal: ControlSignal, listener: () => void): unknown;
}

/**
 * Turns the signals of the process into intents and does nothing else. The returned function ends that.
 *
 * USR1 would otherwise open Node's debugger. SIGPIPE needs no listener: Node ignores it from its start, and
 * resets it for the processes it spawns.
 */
export function watchSignals(
  onIntent: (intent: SignalIntent, signal: ControlSignal) => void,
  source: SignalSource = process,
): () => void {
  let isStopping = false;
  const listeners = controlSignals.map((signal) => {
    const listener = (): void => {
      const intent = firstIntent[signal];
      onIntent(intent === 'stop' && isStopping ? 'stop-now' : intent, signal);
      isStopping ||= intent === 'stop';
    };
    source.on(signal, listener);
    return [signal, listener] as const;
  });
  return () => {
    for (const [signal, listener] of listeners) source.off(signal, listener);
  };
}
