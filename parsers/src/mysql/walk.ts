import type { FactsBuilder, StatementKind } from '../facts-builder.js'
import { UnanalysableError } from '../unanalysable-error.js'
import { type AssignedColumn, assignedByUpdate, assignedOnDuplicate } from './assigned.js'
import { functionClass, NO_FUNCTIONS } from './functions.js'
import { Cursor, isWord, type Token } from './tokens.js'

/**
 * The names that WITH clauses put in front of tables, innermost first. Compared as written: whether case matters is the
 * server's setting, and a name that differs in case may be the table's.
 */
interface Scope {
  readonly names: Set<string>
  readonly outer: Scope | undefined
}

/** A table in a FROM list. */
interface Source {
  readonly schema: string | undefined
  readonly name: string
  readonly alias: string
  readonly use: StatementKind
}

/** One level of parentheses. */
interface Level {
  /** A query, a FROM list, or something else that may hold queries. */
  readonly kind: 'query' | 'from' | 'expression'
  readonly scope: Scope | undefined
  /** What tables of this level's FROM list are used for. */
  readonly use: StatementKind
  /** Where in its query a level stands: what comes out, what is read, or neither. */
  readonly phase: Phase
}

type Phase = 'output' | 'from' | 'rest'

const SELECT: StatementKind = { verb: 'select', class: 'read' }
const UPDATE: StatementKind = { verb: 'update', class: 'write' }

/** The kind of the row statement at this place; undefined: it is none. */
export function rowStatementKind(cursor: Cursor): StatementKind | undefined {
  for (let at = cursor.at; at < cursor.end; at++) {
    const token = cursor.tokens[at]!
    if (isWord(token, '(')) continue
    if (token.kind !== 'word') return undefined
    if (token.text === 'WITH') return afterWith(cursor, at)
    return ROW_STATEMENTS[token.text]
  }
  return undefined
}

const ROW_STATEMENTS: Readonly<Record<string, StatementKind>> = {
  SELECT,
  TABLE: { verb: 'table', class: 'read' },
  VALUES: { verb: 'values', class: 'read' },
  INSERT: { verb: 'insert', class: 'write' },
  REPLACE: { verb: 'replace', class: 'write' },
  UPDATE: { verb: 'update', class: 'write' },
  DELETE: { verb: 'delete', class: 'write' },
}

/** The statement that follows a WITH clause. */
function afterWith(cursor: Cursor, start: number): StatementKind | undefined {
  let depth = 0
  for (let at = start + 1; at < cursor.end; at++) {
    const token = cursor.tokens[at]!
    if (isWord(token, '(')) depth++
    else if (isWord(token, ')')) depth--
    else if (depth === 0 && token.kind === 'word' && token.text in ROW_STATEMENTS) return ROW_STATEMENTS[token.text]
  }
  // `WITH a AS (...) (SELECT ...)`
  return SELECT
}

/**
 * Finds the tables, functions and outputs of queries and row statements by MySQL's grammar of table references: every place
 * where that grammar lets a table stand is one, and a place that is not understood is refused.
 */
export class RowWalk {
  readonly #facts: FactsBuilder
  readonly #cursor: Cursor
  /** All names that a WITH clause gives anywhere, lower case. */
  readonly cteNames = new Set<string>()
  #sources: Source[] = []
  #depth = 0

  constructor(facts: FactsBuilder, cursor: Cursor) {
    this.#facts = facts
    this.#cursor = cursor
  }

  /** SELECT, INSERT, REPLACE, UPDATE, DELETE, VALUES, TABLE, each with or without WITH, to the end of the cursor. */
  statement(): void {
    const cursor = this.#cursor
    const scope = this.#with(undefined)
    if (scope) this.#facts.plainOutput = false
    if (cursor.accept('INSERT')) this.#insert('insert', scope)
    else if (cursor.accept('REPLACE')) this.#insert('replace', scope)
    else if (cursor.accept('UPDATE')) this.#update(scope)
    else if (cursor.accept('DELETE')) this.#delete(scope)
    else this.#level({ kind: 'query', scope, use: SELECT, phase: 'rest' })
    if (!cursor.done) throw new UnanalysableError('syntax', `unexpected \`${cursor.peek()!.text.slice(0, 40)}\``)
  }

  /** Expressions that may hold queries, to the end of the cursor. */
  expressions(): void {
    this.#level({ kind: 'expression', scope: undefined, use: SELECT, phase: 'rest' })
    if (!this.#cursor.done) throw new UnanalysableError('syntax', 'unexpected `)`')
  }

  #with(outer: Scope | undefined): Scope | undefined {
    const cursor = this.#cursor
    if (!cursor.accept('WITH')) return outer
    const recursive = cursor.accept('RECURSIVE')
    const scope: Scope = { names: new Set(), outer }
    do {
      const name = cursor.identifier()
      if (name === undefined) throw new UnanalysableError('syntax', 'a WITH clause without a name')
      if (cursor.sees('(')) cursor.skipParentheses()
      if (!cursor.accept('AS', '('))
        throw new UnanalysableError('unknown', 'a WITH clause that the gateway cannot read')
      if (recursive) scope.names.add(name)
      this.#level({ kind: 'query', scope, use: SELECT, phase: 'output' })
      this.#close()
      scope.names.add(name)
      this.cteNames.add(name.toLowerCase())
      // MariaDB: CYCLE column, ... RESTRICT
      if (cursor.accept('CYCLE')) while (!cursor.done && !cursor.accept('RESTRICT')) cursor.at++
    } while (cursor.accept(','))
    return scope
  }

  #insert(verb: 'insert' | 'replace', scope: Scope | undefined): void {
    const cursor = this.#cursor
    while (cursor.acceptAny('LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'INTO')) {}
    const target = this.#target({ verb, class: 'write' })
    if (cursor.accept('PARTITION')) cursor.skipParentheses()
    if (cursor.sees('(') && !startsQuery(cursor, 1)) cursor.skipParentheses()
    const at = cursor.at
    this.#level({ kind: 'query', scope, use: SELECT, phase: 'rest' })
    for (let i = at; i < cursor.at; i++) {
      if (isWord(cursor.tokens[i], 'DUPLICATE') && isWord(cursor.tokens[i + 1], 'KEY')) {
        const changed: Source = { ...target, alias: target.name, use: UPDATE }
        const columns = assignedOnDuplicate(new Cursor(cursor.tokens, i + 3, cursor.at))
        this.#facts.relation(target.schema, target.name, UPDATE)
        this.#assigned(
          columns.filter(({ qualifier }) => !this.#isRowAlias(qualifier, target.name, at, i)),
          [changed],
        )
        return
      }
    }
  }

  /** VALUES (...) AS alias: the row that the client itself sent. */
  #isRowAlias(name: string | undefined, target: string, start: number, end: number): boolean {
    if (name === undefined || name.toLowerCase() === target.toLowerCase()) return false
    let depth = 0
    for (let at = start; at < end; at++) {
      const token = this.#cursor.tokens[at]
      if (isWord(token, '(')) depth++
      else if (isWord(token, ')')) depth--
      else if (depth === 0 && isWord(token, 'SELECT')) return false
      else if (
        depth === 0 &&
        isWord(token, 'AS') &&
        this.#cursor.tokens[at + 1]?.name.toLowerCase() === name.toLowerCase()
      )
        return true
    }
    return false
  }

  /** Notes what assigned values may come from, at each table that may be meant. */
  #assigned(columns: readonly AssignedColumn[], sources: readonly Source[]): void {
    for (const { qualifier, column } of columns) {
      const named = sources.filter(({ alias }) => alias.toLowerCase() === qualifier?.toLowerCase())
      for (const { schema, name, use } of named.length > 0 ? named : sources) {
        if (use === UPDATE) this.#facts.relation(schema, name, use, [column])
      }
    }
  }

  #update(scope: Scope | undefined): void {
    const cursor = this.#cursor
    while (cursor.acceptAny('LOW_PRIORITY', 'IGNORE')) {}
    const start = cursor.at
    const where = this.#level({ kind: 'from', scope, use: UPDATE, phase: 'rest' })
    if (!where) this.#facts.hasWhere = false
    this.#assigned(assignedByUpdate(new Cursor(cursor.tokens, start, cursor.at)), this.#sources)
  }

  #delete(scope: Scope | undefined): void {
    const cursor = this.#cursor
    const use: StatementKind = { verb: 'delete', class: 'write' }
    while (cursor.acceptAny('LOW_PRIORITY', 'QUICK', 'IGNORE', 'HISTORY')) {}
    const first = cursor.accept('FROM')
    const targets: { schema: string | undefined; name: string }[] = []
    do {
      const target = cursor.qualified()
      if (!target) throw new UnanalysableError('unknown', 'a DELETE without a table')
      targets.push(target)
      if (cursor.accept('.', '*')) continue
    } while (cursor.accept(','))
    const several = cursor.accept(first ? 'USING' : 'FROM')
    let where: boolean
    if (several) {
      where = this.#level({ kind: 'from', scope, use: SELECT, phase: 'rest' })
      for (const target of targets) this.#deleteFrom(target, use)
    } else {
      for (const target of targets) this.#facts.relation(target.schema, target.name, use)
      if (cursor.accept('PARTITION')) cursor.skipParentheses()
      where = this.#level({ kind: 'expression', scope, use: SELECT, phase: 'rest' })
    }
    if (!where) this.#facts.hasWhere = false
  }

  /** The target of a DELETE over several tables is a table of its FROM list, by name or alias. */
  #deleteFrom(target: { schema: string | undefined; name: string }, use: StatementKind): void {
    const name = target.name.toLowerCase()
    const found = this.#sources.filter((source) => source.alias.toLowerCase() === name)
    if (found.length === 0) this.#facts.relation(target.schema, target.name, use)
    for (const source of found) this.#facts.relation(source.schema, source.name, use)
  }

  #target(use: StatementKind): { schema: string | undefined; name: string } {
    const target = this.#cursor.qualified()
    if (!target) throw new UnanalysableError('unknown', 'a statement without a table where one is expected')
    this.#facts.relation(target.schema, target.name, use)
    return target
  }

  #close(): void {
    if (!this.#cursor.accept(')')) throw new UnanalysableError('syntax', 'parentheses do not match')
  }

  /** Walks to the end of a level of parentheses. True if a WHERE stands in it. */
  #level(level: Level): boolean {
    if (++this.#depth > 200) throw new UnanalysableError('limit', 'the statement is too deeply nested to be analysed')
    const cursor = this.#cursor
    let { scope, phase } = level
    let isQuery = level.kind === 'query' && cursor.sees('WITH')
    let inFrom = level.kind === 'from'
    let expectsTable = inFrom
    let sawWhere = false
    const sources: Source[] = []
    if (level.kind === 'query' && startsWith(cursor)) {
      scope = this.#with(scope)
      this.#facts.plainOutput = false
    }
    while (!cursor.done && !cursor.sees(')')) {
      const token = cursor.peek()!
      if (expectsTable) {
        expectsTable = this.#tableReference({ ...level, scope, phase: 'from' }, sources)
        continue
      }
      if (token.kind === 'punctuation') {
        if (token.text === ',' && inFrom) expectsTable = true
        if (token.text === '(') {
          cursor.at++
          this.#parenthesis({ ...level, scope, phase: inFrom ? 'from' : phase })
        } else {
          cursor.at++
          // What follows a dot or an at sign is a name, whatever keyword it looks like.
          if ((token.text === '.' || token.text === '@') && isNamed(cursor.peek())) {
            if (token.text === '.' && isWord(cursor.peek(1), '(')) {
              this.#noteFunction(cursor.tokens[cursor.at - 2]?.name, cursor.peek()!)
            }
            cursor.at++
            if (token.text === '@' && isWord(cursor.peek(), ':')) this.#facts.userVariable()
          }
        }
        continue
      }
      if (token.kind !== 'word') {
        if (token.kind === 'name') this.#call(cursor)
        cursor.at++
        continue
      }
      switch (token.text) {
        case 'SELECT':
          isQuery = true
          inFrom = false
          phase = level.phase === 'rest' && this.#depth > 1 ? 'rest' : 'output'
          break
        case 'RETURNING':
          phase = 'output'
          break
        case 'FROM':
          if (isQuery) {
            inFrom = expectsTable = true
          }
          break
        case 'TABLE':
          expectsTable = true
          break
        case 'JOIN':
        case 'STRAIGHT_JOIN':
          if (inFrom) expectsTable = true
          break
        case 'USE':
        case 'FORCE':
        case 'IGNORE':
          if (inFrom && skipIndexHint(cursor)) continue
          break
        case 'UNION':
        case 'EXCEPT':
        case 'INTERSECT':
        case 'MINUS':
          if (isQuery || level.kind !== 'expression') {
            isQuery = true
            inFrom = false
            this.#facts.plainOutput = false
          }
          break
        case 'WHERE':
          sawWhere = true
          inFrom = false
          phase = 'rest'
          break
        case 'WITH':
          // INSERT ... WITH ... SELECT, and after UNION.
          if (startsWith(cursor)) {
            scope = this.#with(scope)
            this.#facts.plainOutput = false
            continue
          }
          break
        case 'INTO':
          inFrom = false
          if (isWord(cursor.peek(1), '@')) this.#facts.userVariable()
          if (cursor.peek(1)?.text === 'OUTFILE' || cursor.peek(1)?.text === 'DUMPFILE') this.#intoFile()
          break
        case 'FOR':
          if (cursor.sees('FOR', 'SYSTEM_TIME')) {
            cursor.at += 2
            continue
          }
          inFrom = false
          if (cursor.sees('FOR', 'UPDATE')) this.#lock('select for update', sources)
          else if (cursor.sees('FOR', 'SHARE')) this.#lock('select for share', sources)
          break
        case 'LOCK':
          inFrom = false
          if (cursor.sees('LOCK', 'IN', 'SHARE', 'MODE')) this.#lock('select for share', sources)
          break
        case 'SET':
        case 'GROUP':
        case 'HAVING':
        case 'ORDER':
        case 'LIMIT':
        case 'PROCEDURE':
        case 'WINDOW':
        case 'VALUES':
        case 'DUPLICATE':
          inFrom = false
          phase = phase === 'output' && token.text === 'VALUES' ? phase : 'rest'
          break
        case 'AS':
          if (isNamed(cursor.peek(1)) && !startsQuery(cursor, 1)) cursor.at++
          break
        default:
          this.#call(cursor)
      }
      cursor.at++
    }
    if (expectsTable) throw new UnanalysableError('unknown', 'a table is missing where one is expected')
    if (level.kind === 'from' || this.#depth === 1) this.#sources.push(...sources)
    this.#depth--
    return sawWhere
  }

  /** After an opening parenthesis, to past the closing one. */
  #parenthesis(level: Level): void {
    const cursor = this.#cursor
    const query = startsQuery(cursor, 0)
    if (query && level.phase !== 'rest') this.#facts.plainOutput = false
    this.#level({ ...level, kind: query ? 'query' : 'expression', use: SELECT })
    this.#close()
  }

  /** Where a table may stand. True while one is still expected. */
  #tableReference(level: Level, sources: Source[]): boolean {
    const cursor = this.#cursor
    if (cursor.accept('LATERAL')) return true
    // ODBC's escape: { OJ a LEFT OUTER JOIN b ON ... }
    if (cursor.sees('{')) {
      cursor.at += 2
      return true
    }
    if (cursor.accept('(')) {
      const query = cursor.sees('VALUES') || (startsQuery(cursor, 0) && !cursor.sees('('))
      if (query || level.phase === 'output') this.#facts.plainOutput = false
      if (query) this.#level({ ...level, kind: 'query', use: SELECT, phase: 'output' })
      else this.#level({ ...level, kind: 'from' })
      this.#close()
      this.#alias()
      return false
    }
    if (cursor.sees('JSON_TABLE', '(')) {
      cursor.at += 2
      this.#facts.plainOutput = false
      this.#level({ ...level, kind: 'expression', use: SELECT })
      this.#close()
      this.#alias()
      return false
    }
    if (cursor.accept('DUAL')) return false
    if (cursor.peek()?.kind === 'word' && RESERVED_AFTER_FROM.has(cursor.peek()!.text)) {
      throw new UnanalysableError('syntax', `a table is expected before \`${cursor.peek()!.text}\``)
    }
    const table = cursor.qualified()
    if (!table) throw new UnanalysableError('syntax', 'a table is missing where one is expected')
    if (cursor.accept('PARTITION')) cursor.skipParentheses()
    while (cursor.accept('FOR', 'SYSTEM_TIME')) {
      if (!cursor.accept('ALL')) while (cursor.acceptAny('AS', 'OF', 'TIMESTAMP', 'TRANSACTION')) {}
      if (!cursor.done && !cursor.sees(')')) cursor.at++
    }
    const alias = this.#alias() ?? table.name
    if (table.schema === undefined && isInScope(table.name, level.scope)) {
      this.#facts.plainOutput = false
      return false
    }
    sources.push({ ...table, alias, use: level.use })
    this.#facts.relation(table.schema, table.name, level.use)
    return false
  }

  #alias(): string | undefined {
    const cursor = this.#cursor
    if (cursor.accept('AS')) {
      const token = cursor.peek()
      if (token?.kind === 'string') {
        cursor.at++
        return token.text.slice(1, -1)
      }
      const alias = cursor.identifier()
      if (cursor.sees('(')) cursor.skipParentheses()
      return alias
    }
    const token = cursor.peek()
    if (token?.kind === 'name' || (token?.kind === 'word' && !RESERVED_AFTER_FROM.has(token.text))) {
      const alias = cursor.identifier()
      if (cursor.sees('(')) cursor.skipParentheses()
      return alias
    }
    return undefined
  }

  /** A name before an opening parenthesis calls a function. */
  #call(cursor: Cursor): void {
    if (!isWord(cursor.peek(1), '(')) return
    const token = cursor.peek()!
    if (token.kind === 'word' && NO_FUNCTIONS.has(token.text)) return
    this.#noteFunction(undefined, token)
  }

  /** At the function's name. */
  #noteFunction(schema: string | undefined, token: Token): void {
    const name = token.name.toLowerCase()
    this.#facts.function(schema, name, isWord(this.#cursor.peek(2), ')'))
    const kind = functionClass(name)
    if (kind) this.#facts.nest({ verb: `function ${name}`, class: kind })
  }

  #intoFile(): void {
    this.#facts.copy = { direction: 'out', end: 'server' }
    this.#facts.nest({ verb: 'select into outfile', class: 'opaque' })
  }

  #lock(verb: string, sources: readonly Source[]): void {
    for (const source of sources) this.#facts.relation(source.schema, source.name, { verb, class: 'write' })
  }
}

/** Words that end a table reference and so are no alias (they are reserved, or only mean this here). */
const RESERVED_AFTER_FROM = new Set(
  `ON USING WHERE JOIN INNER LEFT RIGHT CROSS NATURAL STRAIGHT_JOIN SET GROUP ORDER LIMIT HAVING UNION EXCEPT INTERSECT MINUS FOR
  LOCK INTO PARTITION USE FORCE IGNORE WINDOW PROCEDURE VALUES SELECT AS RETURNING FETCH FROM`.split(/\s+/),
)

const QUERY_STARTS = new Set(['WITH', 'TABLE', 'VALUES'])

/** True where a query begins in `ahead` tokens, past opening parentheses. */
function startsQuery(cursor: Cursor, ahead: number): boolean {
  let at = ahead
  while (isWord(cursor.peek(at), '(')) at++
  const token = cursor.peek(at)
  if (token?.kind !== 'word') return false
  // VALUES(column) is a function in ON DUPLICATE KEY UPDATE.
  return token.text === 'SELECT' || (QUERY_STARTS.has(token.text) && !isWord(cursor.peek(at + 1), '('))
}

/** True for a WITH clause; WITH ROLLUP, WITH QUERY EXPANSION and the like are none. */
function startsWith(cursor: Cursor): boolean {
  if (!cursor.sees('WITH')) return false
  if (cursor.sees('WITH', 'RECURSIVE')) return true
  return isWord(cursor.peek(2), 'AS') || isWord(cursor.peek(2), '(')
}

function isNamed(token: Token | undefined): boolean {
  return token?.kind === 'word' || token?.kind === 'name' || token?.kind === 'string'
}

function isInScope(name: string, scope: Scope | undefined): boolean {
  for (let s = scope; s; s = s.outer) if (s.names.has(name)) return true
  return false
}

/** USE INDEX FOR ORDER BY (a, b) and its kin. */
function skipIndexHint(cursor: Cursor): boolean {
  if (!isWord(cursor.peek(1), 'INDEX') && !isWord(cursor.peek(1), 'KEY')) return false
  cursor.at += 2
  while (!cursor.done && !cursor.sees('(')) cursor.at++
  cursor.skipParentheses()
  return true
}
