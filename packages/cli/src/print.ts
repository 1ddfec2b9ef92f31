/** What commands write to stdout. */

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** Prints rows under headings, columns aligned; nothing but `none` where there are no rows. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[], none: string): void {
  if (rows.length === 0) {
    print(none)
    return
  }
  const shown = [headings, ...rows.map((row) => row.map(visible))]
  const widths = headings.map((_, column) => Math.max(...shown.map((row) => row[column]!.length)))
  for (const row of shown)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
}

/** Text from elsewhere without anything that a terminal would obey: control characters are shown as escapes. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (char) =>
    char === '\n' || char === '\t' ? char : `\\x${char.codePointAt(0)!.toString(16).padStart(2, '0')}`,
  )
}
