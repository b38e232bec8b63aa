export interface Gate {
  /** Resolves once `open` was called. */
  readonly opened: Promise<void>;
  open(): void;
}

/** A promise that a test fulfils when it is ready for what comes next. */
export function createGate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
