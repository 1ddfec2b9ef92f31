/**
 * Character sets that a connection may use. In all of them a quote, a backslash and a comment's bytes stand for themselves
 * alone; gbk, big5, sjis, cp932 and gb18030 have them as the second byte of a character, so SQL could hide behind it.
 */
export type CharacterSet = 'utf8mb4' | 'utf8mb3' | 'latin1' | 'ascii'

type Range = readonly [first: number, last: number]

/** Collation ids, from information_schema.collations of MySQL 9.7 and MariaDB 10.11; from 2048 on MariaDB's uca1400. */
const COLLATIONS: Readonly<Record<CharacterSet, readonly Range[]>> = {
  ascii: [of(11), of(65), of(1035), of(1089)],
  latin1: [of(5), of(8), of(15), of(31), [47, 49], of(94), of(1032), of(1071)],
  utf8mb3: [
    of(33),
    of(76),
    of(83),
    [192, 215],
    of(223),
    [576, 578],
    of(1057),
    of(1107),
    of(1216),
    of(1238),
    [2048, 2303],
  ],
  utf8mb4: [[45, 46], [224, 247], [255, 323], [608, 610], [1069, 1070], of(1248), of(1270), [2304, 2559]],
}

/** utf8mb4_general_ci, which every server since MySQL 5.5 knows. */
export const UTF8MB4_GENERAL = 45

/** The character set of a collation id, or undefined where the gateway does not let it in. */
export function characterSetOf(collation: number): CharacterSet | undefined {
  for (const [name, ranges] of Object.entries(COLLATIONS) as [CharacterSet, readonly Range[]][]) {
    if (ranges.some(([first, last]) => first <= collation && collation <= last)) return name
  }
  return undefined
}

function of(collation: number): Range {
  return [collation, collation]
}
