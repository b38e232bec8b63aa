import { printable } from './printable.ts';
import { cutText, fitColumns, type Yielding } from './table-fit.ts';

export interface Column<Row> extends Yielding {
  readonly title: string;
  readonly align: 'left' | 'right';
  cell(row: Row): string;
  /** SGR parameter (console_codes(4)). */
  colour?(row: Row): number;
}

export interface TableOptions {
  readonly hasColours: boolean;
  /** Of the terminal, in characters; `undefined` where there is none. */
  readonly width: number | undefined;
}

const gap = '  ';

/** One line for the titles and one for each row, with aligned columns; on a narrow terminal without some of them. */
export function formatTable<Row>(
  allColumns: readonly Column<Row>[],
  rows: readonly Row[],
  { hasColours, width }: TableOptions,
): readonly string[] {
  const allTexts = rows.map((row) => allColumns.map((column) => printable(column.cell(row))));
  const wanted = allColumns.map(({ title }, index) =>
    Math.max(title.length, ...allTexts.map((cells) => cells[index]?.length ?? 0)),
  );
  const columns = fitColumns(wanted, allColumns, width).flatMap(({ index, width }) => {
    const column = allColumns[index];
    return column === undefined ? [] : [{ ...column, index, width }];
  });
  const titles = columns.map((column) => pad(column.title, column));
  const lines = rows.map((row, rowIndex) =>
    columns.map((column) => {
      const text = allTexts[rowIndex]?.[column.index] ?? '';
      const cell = pad(cutText(text, column.width, column), column);
      const { colour } = column;
      return hasColours && colour !== undefined ? `\u001b[${colour(row)}m${cell}\u001b[0m` : cell;
    }),
  );
  return [titles, ...lines].map((cells) => cells.join(gap).trimEnd());
}

function pad(text: string, { align, width }: { align: 'left' | 'right'; width: number }): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}

/** `-` for what is not known. */
export function known<Value>(value: Value | null, format: (value: Value) => string): string {
  return value === null ? '-' : format(value);
}
