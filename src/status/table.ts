import { printable } from './printable.ts';

export interface Column<Row> {
  readonly title: string;
  readonly align: 'left' | 'right';
  cell(row: Row): string;
  /** SGR parameter (console_codes(4)). */
  colour?(row: Row): number;
}

export interface TableOptions {
  readonly hasColours: boolean;
}

const gap = '  ';

/** One line for the titles and one for each row, with aligned columns. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { hasColours }: TableOptions,
): readonly string[] {
  const texts = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...texts.map((cells) => cells[index]?.length ?? 0)),
  );
  const padded = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    return columns[index]?.align === 'right' ? text.padStart(width) : text.padEnd(width);
  };
  const titles = columns.map(({ title }, index) => padded(title, index));
  const lines = rows.map((row, rowIndex) =>
    columns.map(({ colour }, index) => {
      const cell = padded(texts[rowIndex]?.[index] ?? '', index);
      return hasColours && colour !== undefined ? `\u001b[${colour(row)}m${cell}\u001b[0m` : cell;
    }),
  );
  return [titles, ...lines].map((cells) => cells.join(gap).trimEnd());
}

/** `-` for what is not known. */
export function known<Value>(value: Value | null, format: (value: Value) => string): string {
  return value === null ? '-' : format(value);
}
