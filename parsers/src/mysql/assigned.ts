import { type Cursor, isWord, type Token } from './tokens.js'

/** A column that an assigned value may come from, as the statement names it. */
export interface AssignedColumn {
  /** The table or alias in front of it; undefined: that of any table in reach. */
  readonly qualifier: string | undefined
  /** `*`: all of them. */
  readonly column: string
}

/**
 * The columns that the assignments of an UPDATE may take values from.
 *
 * @param cursor from the first table to the end of the statement
 */
export function assignedByUpdate(cursor: Cursor): AssignedColumn[] {
  const { tokens, at, end } = cursor
  const set = clause(tokens, at, end, (token) => token.text === 'SET')
  const columns = ofAssignments(tokens, set + 1, endOfAssignments(tokens, set + 1, end), false)
  // These show columns of the tables before them under other names.
  const lateral = tokens.slice(at, set).some((token) => isWord(token, 'LATERAL') || isWord(token, 'JSON_TABLE'))
  return lateral ? [...columns, ...columnsOf(tokens, at, set, false)] : columns
}

/** The same for what follows ON DUPLICATE KEY UPDATE. What VALUES() shows is what the client itself sent. */
export function assignedOnDuplicate(cursor: Cursor): AssignedColumn[] {
  const { tokens, at, end } = cursor
  return ofAssignments(tokens, at, endOfAssignments(tokens, at, end), true)
}

function endOfAssignments(tokens: readonly Token[], start: number, end: number): number {
  return clause(tokens, start, end, (token, at) => {
    if (token.text === 'RETURNING') return endsOperand(tokens[at - 1])
    return token.text === 'WHERE' || token.text === 'ORDER' || token.text === 'LIMIT'
  })
}

/** RETURNING is reserved in MariaDB alone: in MySQL it may be a column, but not behind a value. */
function endsOperand(token: Token | undefined): boolean {
  if (!token) return false
  if (token.kind === 'punctuation') return token.text === ')' || token.text === '?'
  return token.kind !== 'word' || !RESERVED.has(token.text)
}

/** The first such keyword outside of parentheses; the end where there is none. */
function clause(
  tokens: readonly Token[],
  start: number,
  end: number,
  begins: (token: Token, at: number) => boolean,
): number {
  let depth = 0
  for (let at = start; at < end; at++) {
    const token = tokens[at]!
    if (isWord(token, '(')) depth++
    else if (isWord(token, ')')) depth--
    else if (depth === 0 && token.kind === 'word' && !isPart(tokens[at - 1]) && begins(token, at)) return at
  }
  return end
}

function ofAssignments(tokens: readonly Token[], start: number, end: number, values: boolean): AssignedColumn[] {
  const columns: AssignedColumn[] = []
  let from = start
  let depth = 0
  for (let at = start; at <= end; at++) {
    const token = at < end ? tokens[at] : undefined
    if (isWord(token, '(')) depth++
    else if (isWord(token, ')')) depth--
    if (token && !(depth === 0 && isWord(token, ','))) continue
    let value = from
    while (value < at && !isWord(tokens[value], '=') && !isWord(tokens[value], '(')) value++
    columns.push(...columnsOf(tokens, isWord(tokens[value], '=') ? value + 1 : from, at, values))
    from = at + 1
  }
  return columns
}

/** Whatever may name a column, in subqueries too. */
function columnsOf(tokens: readonly Token[], start: number, end: number, values: boolean): AssignedColumn[] {
  const columns: AssignedColumn[] = []
  let cases = 0
  for (let at = start; at < end; at++) {
    const first = tokens[at]!
    if (first.kind !== 'word' && first.kind !== 'name') continue
    const names = [first.name]
    const quoted = first.kind === 'name' || isPart(tokens[at - 1])
    const variable = isWord(tokens[at - 1], '@')
    while (isWord(tokens[at + 1], '.') && at + 2 < end) {
      at += 2
      names.push(isWord(tokens[at], '*') ? '*' : tokens[at]!.name)
    }
    if (variable) continue
    const column = names.at(-1)!
    if (isWord(tokens[at + 1], '(')) {
      if (values && !quoted && (first.text === 'VALUES' || first.text === 'VALUE'))
        at = pastColumn(tokens, at + 2) ?? at
      continue
    }
    if (names.length === 1 && !quoted) {
      if (first.text === 'CASE') cases++
      if (RESERVED.has(first.text) || (first.text === 'END' && cases > 0)) continue
    }
    columns.push({ qualifier: names.at(-2), column })
  }
  return columns
}

/** The closing parenthesis behind a column and nothing else. */
function pastColumn(tokens: readonly Token[], start: number): number | undefined {
  let at = start
  while (isWord(tokens[at + 1], '.')) at += 2
  const column = tokens[at]?.kind === 'word' || tokens[at]?.kind === 'name'
  return column && isWord(tokens[at + 1], ')') ? at + 1 : undefined
}

/** A name behind it is one, whatever keyword it looks like. */
function isPart(token: Token | undefined): boolean {
  return isWord(token, '.') || isWord(token, '@')
}

/** Words in expressions that no column can have for a name unless it is quoted: reserved in MySQL and MariaDB alike. */
const RESERVED = new Set(
  `ALL AND AS ASC BETWEEN BINARY BY CASE CHAR COLLATE CROSS CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DECIMAL
  DEFAULT DESC DISTINCT DIV ELSE EXISTS FALSE FROM GROUP HAVING IN INNER INTERVAL IS JOIN KEY LEFT LIKE LIMIT LOCALTIME
  LOCALTIMESTAMP MOD NATURAL NOT NULL ON OR ORDER OUTER REGEXP RIGHT RLIKE SELECT SET THEN TRUE UNION UNSIGNED USING UTC_DATE
  UTC_TIME UTC_TIMESTAMP VALUES WHEN WHERE XOR`.split(/\s+/),
)
