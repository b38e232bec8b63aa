/** What may become of a column where a table is too wide. */
export interface Yielding {
  /** It may be cut, at its start or in its middle, to no fewer characters than `least`. */
  readonly cut?: { readonly at: 'start' | 'middle'; readonly least: number };
  /** The lower, the earlier it is left out; a column without it stays. */
  readonly leavesAs?: number;
}

interface Candidate {
  readonly index: number;
  readonly width: number;
  readonly yielding: Yielding;
}

export interface FittedColumn {
  readonly index: number;
  readonly width: number;
}

const gapWidth = 2;

/**
 * The columns that a table of this width has, and how wide they are. What can be cut is cut before a column is left out;
 * a table that is too wide all the same stays so.
 *
 * @param widths of the columns, as they would like to be; with how each yields.
 * @param limit `undefined`: as wide as it likes.
 */
export function fitColumns(
  widths: readonly number[],
  yielding: readonly Yielding[],
  limit: number | undefined,
): readonly FittedColumn[] {
  let columns = widths.map((width, index): Candidate => ({ index, width, yielding: yielding[index] ?? {} }));
  if (limit === undefined) return columns;
  for (;;) {
    const fitted = cutToFit(columns, limit);
    const [first] = columns
      .filter(({ yielding: { leavesAs } }) => leavesAs !== undefined)
      .toSorted((one, other) => (one.yielding.leavesAs ?? 0) - (other.yielding.leavesAs ?? 0));
    if (totalWidth(fitted) <= limit || first === undefined) return fitted;
    columns = columns.filter((column) => column !== first);
  }
}

function cutToFit(columns: readonly Candidate[], limit: number): readonly FittedColumn[] {
  let excess = totalWidth(columns) - limit;
  return columns.map(({ index, width, yielding: { cut } }) => {
    const least = Math.min(width, cut?.least ?? width);
    const cutWidth = Math.max(least, width - Math.max(excess, 0));
    excess -= width - cutWidth;
    return { index, width: cutWidth };
  });
}

function totalWidth(columns: readonly FittedColumn[]): number {
  return columns.reduce((sum, { width }) => sum + width, gapWidth * (columns.length - 1));
}

/** A text that fits, with an ellipsis where it was cut. */
export function cutText(text: string, width: number, { cut }: Yielding): string {
  if (text.length <= width) return text;
  const head = cut?.at === 'start' ? 0 : Math.floor(width / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - head - 1))}`;
}
