import { UnanalysableError } from '../unanalysable-error.js'
import type { StatementReader } from './analyse.js'
import type { Tail } from './classify.js'
import { type Cursor, isWord, stringValue } from './tokens.js'

/** Reads what follows the words of a statement that is no row statement, by a small grammar for each kind. */
export function readTail(tail: Tail, reader: StatementReader): void {
  TAILS[tail](reader, reader.cursor)
}

type TailReader = (reader: StatementReader, cursor: Cursor) => void

function expectTable(reader: StatementReader, verb = reader.facts.kind): void {
  const table = reader.cursor.qualified()
  if (!table) throw new UnanalysableError('unknown', 'a table is missing where one is expected')
  reader.facts.relation(table.schema, table.name, verb)
}

function skipIfExists(cursor: Cursor): void {
  if (!cursor.accept('IF', 'NOT', 'EXISTS')) cursor.accept('IF', 'EXISTS')
}

/** The tables that stand after these words anywhere in the rest. */
function tablesAfter(reader: StatementReader, ...phrases: string[][]): void {
  const { cursor } = reader
  while (!cursor.done) {
    const phrase = phrases.find((words) => cursor.sees(...words))
    if (!phrase) {
      cursor.at++
      continue
    }
    cursor.at += phrase.length
    const table = cursor.qualified()
    if (table) reader.facts.relation(table.schema, table.name, reader.facts.kind)
  }
}

/** The place of the query in CREATE TABLE ... [AS] SELECT, at or after the cursor. */
function queryStart(cursor: Cursor): number | undefined {
  for (let at = cursor.at, depth = 0; at < cursor.end; at++) {
    const token = cursor.tokens[at]!
    if (isWord(token, '(')) {
      if (depth === 0 && /^(?:SELECT|WITH|VALUES)$/.test(pastParentheses(cursor, at))) return at
      depth++
    } else if (isWord(token, ')')) depth--
    else if (depth === 0 && token.kind === 'word') {
      if (token.text === 'SELECT') return at
      const after = isWord(cursor.tokens[at - 1], 'AS')
      if (after && /^(?:WITH|VALUES|TABLE)$/.test(token.text)) return at
      if (token.text === 'WITH' && isWithClause(cursor, at)) return at
    }
  }
  return undefined
}

function isWithClause(cursor: Cursor, at: number): boolean {
  const next = cursor.tokens[at + 2]
  return isWord(cursor.tokens[at + 1], 'RECURSIVE') || isWord(next, 'AS') || isWord(next, '(')
}

function pastParentheses(cursor: Cursor, start: number): string {
  let at = start
  while (isWord(cursor.tokens[at], '(')) at++
  const token = cursor.tokens[at]
  return token?.kind === 'word' ? token.text : ''
}

const SELECT = { verb: 'select', class: 'read' } as const

/** What a SHOW tells of other sessions and accounts, of replication and of the server's insides; policies know these by name. */
const REVEALING: Readonly<Record<string, string>> = {
  ANALYZE: 'show explain', // MariaDB: of what another session runs
  BINARY: 'show binlog events',
  BINLOG: 'show binlog events',
  ENGINE: 'show engine',
  EXPLAIN: 'show explain',
  MASTER: 'show replica',
  PROCESSLIST: 'show processlist',
  RELAYLOG: 'show relaylog events',
  REPLICA: 'show replica',
  REPLICAS: 'show replica',
  SLAVE: 'show replica',
}

/** The verb of a SHOW that is not just `show`; undefined: it is. */
function revealed(cursor: Cursor): string | undefined {
  const at = ['FULL', 'ALL'].some((word) => cursor.sees(word)) ? 1 : 0
  const word = cursor.peek(at)
  if (word?.kind !== 'word') return undefined
  if (word.text === 'SLAVES') return 'show replica'
  if (word.text === 'GRANTS') return isWord(cursor.peek(at + 1), 'FOR') ? 'show grants for' : undefined
  if (word.text === 'CREATE') return isWord(cursor.peek(at + 1), 'USER') ? 'show create user' : undefined
  return Object.hasOwn(REVEALING, word.text) ? REVEALING[word.text] : undefined
}

const TAILS: Readonly<Record<Tail, TailReader>> = {
  rest: (_reader, cursor) => {
    cursor.at = cursor.end
  },
  tables: (reader, cursor) => {
    skipIfExists(cursor)
    do {
      expectTable(reader)
      // CACHE INDEX t (INDEX (i)), ANALYZE TABLE t PARTITION (p)
      while (!cursor.done && !cursor.sees(',') && !cursor.sees('IN')) {
        if (cursor.sees('(')) cursor.skipParentheses()
        else cursor.at++
      }
    } while (cursor.accept(','))
    cursor.at = cursor.end
  },
  table: (reader, cursor) => {
    skipIfExists(cursor)
    expectTable(reader)
    cursor.at = cursor.end
  },
  'on-table': (reader, cursor) => {
    while (!cursor.done && !cursor.accept('ON')) cursor.at++
    expectTable(reader)
    cursor.at = cursor.end
  },
  database: (reader, cursor) => {
    skipIfExists(cursor)
    const name = cursor.identifier()
    // ALTER DATABASE may leave the name out.
    if (name !== undefined) reader.facts.database(name)
    else if (reader.facts.kind.verb !== 'alter database')
      throw new UnanalysableError('syntax', 'a database name is missing')
    cursor.at = cursor.end
  },
  expressions: (reader) => reader.expressions(),
  opaque: (reader, cursor) => {
    reader.facts.nest({ verb: reader.facts.kind.verb, class: 'opaque' })
    cursor.at = cursor.end
  },

  show: (reader, cursor) => {
    const revealing = revealed(cursor)
    if (revealing !== undefined) reader.facts.kind = { verb: revealing, class: 'access' }
    const { kind } = reader.facts
    cursor.acceptAny('FULL', 'EXTENDED')
    cursor.acceptAny('FULL', 'EXTENDED')
    if (cursor.accept('CREATE')) {
      const what = cursor.identifier()?.toUpperCase()
      skipIfExists(cursor)
      if (what === 'TABLE' || what === 'VIEW' || what === 'SEQUENCE') expectTable(reader)
      if (what === 'DATABASE' || what === 'SCHEMA') reader.facts.database(cursor.identifier() ?? '')
      cursor.at = cursor.end
      return
    }
    const columns = cursor.acceptAny('COLUMNS', 'FIELDS', 'INDEX', 'INDEXES', 'KEYS')
    if (columns && cursor.acceptAny('FROM', 'IN')) {
      const table = cursor.qualified()
      if (!table) throw new UnanalysableError('syntax', 'a table is missing where one is expected')
      const database = cursor.acceptAny('FROM', 'IN') ? cursor.identifier() : undefined
      reader.facts.relation(database ?? table.schema, table.name, kind)
    } else if (cursor.acceptAny('TABLES', 'TRIGGERS', 'EVENTS', 'OPEN') || cursor.accept('TABLE', 'STATUS')) {
      cursor.accept('TABLES')
      if (cursor.acceptAny('FROM', 'IN')) reader.facts.database(cursor.identifier() ?? '')
    }
    reader.expressions()
  },
  explain: (reader, cursor) => {
    for (;;) {
      if (cursor.accept('FORMAT', '=')) cursor.at++
      else if (cursor.accept('INTO', '@')) {
        cursor.at++
        reader.facts.userVariable()
      } else if (cursor.accept('FOR', 'SCHEMA') || cursor.accept('FOR', 'DATABASE')) cursor.at++
      else if (!cursor.acceptAny('EXTENDED', 'PARTITIONS', 'ANALYZE')) break
    }
    if (cursor.accept('FOR', 'CONNECTION')) return reader.expressions()
    if (reader.nestedRows()) return
    expectTable(reader)
    cursor.at = cursor.end
  },
  /** MariaDB's ANALYZE of a statement. */
  analyze: (reader, cursor) => {
    if (cursor.accept('FORMAT', '=')) cursor.at++
    if (!reader.nestedRows())
      throw new UnanalysableError('unknown', 'this kind of statement is not known to the gateway (`ANALYZE`)')
  },
  set: (reader) => readSet(reader),
  prepare: (reader, cursor) => {
    const name = cursor.identifier()
    if (name === undefined || !cursor.accept('FROM')) throw new UnanalysableError('syntax', 'malformed PREPARE')
    reader.facts.prepared = { action: 'prepare', name: name.toLowerCase() }
    const text = cursor.peek()
    if (text?.kind === 'string' && cursor.at === cursor.end - 1) reader.nestedText(stringValue(text))
    else reader.facts.nest({ verb: 'prepare', class: 'opaque' })
    cursor.at = cursor.end
  },
  execute: (reader, cursor) => {
    const name = cursor.identifier()
    reader.facts.prepared = { action: 'execute', name: (name ?? '').toLowerCase() }
    reader.facts.plainOutput = false
    reader.expressions()
  },
  deallocate: (reader, cursor) => {
    reader.facts.prepared = { action: 'deallocate', name: (cursor.identifier() ?? '').toLowerCase() }
    cursor.at = cursor.end
  },
  call: (reader, cursor) => {
    const name = cursor.qualified()
    if (!name) throw new UnanalysableError('syntax', 'malformed CALL')
    reader.facts.function(name.schema, name.name.toLowerCase())
    reader.facts.nest({ verb: 'call', class: 'opaque' })
    reader.facts.plainOutput = false
    reader.expressions()
  },
  load: (reader, cursor) => {
    cursor.acceptAny('LOW_PRIORITY', 'CONCURRENT')
    const local = cursor.accept('LOCAL')
    reader.facts.copy = { direction: 'in', end: local ? 'client' : 'server' }
    if (!local) reader.facts.kind = { verb: reader.facts.kind.verb, class: 'opaque' }
    while (!cursor.done && !cursor.accept('INTO', 'TABLE')) cursor.at++
    expectTable(reader, { verb: 'insert', class: 'write' })
    reader.expressions()
  },
  handler: (reader) => {
    expectTable(reader, SELECT)
    reader.expressions()
  },
  'lock-tables': (reader, cursor) => {
    let writes = false
    do {
      const table = cursor.qualified()
      if (!table) throw new UnanalysableError('syntax', 'malformed LOCK TABLES')
      let write = false
      while (!cursor.done && !cursor.sees(',')) write = isWord(cursor.tokens[cursor.at++], 'WRITE') || write
      reader.facts.relation(table.schema, table.name, { verb: 'lock tables', class: write ? 'write' : 'read' })
      writes ||= write
    } while (cursor.accept(','))
    if (!writes) reader.facts.kind = { verb: 'lock tables', class: 'read' }
  },
  'create-table': (reader, cursor) => {
    skipIfExists(cursor)
    expectTable(reader)
    const start = queryStart(cursor)
    const end = cursor.end
    // What is defined before the query: LIKE another table, foreign keys, UNION = (tables).
    const head = reader.part(cursor.at, start ?? end)
    if (head.cursor.accept('LIKE') || head.cursor.accept('(', 'LIKE')) expectTable(head)
    while (!head.cursor.done) {
      if (head.cursor.accept('REFERENCES')) expectTable(head)
      else if (head.cursor.sees('UNION')) {
        head.cursor.at++
        head.cursor.accept('=')
        if (!head.cursor.accept('(')) continue
        do {
          const table = head.cursor.qualified()
          if (table) head.facts.relation(table.schema, table.name, SELECT)
        } while (head.cursor.accept(','))
      } else head.cursor.at++
    }
    cursor.at = start ?? end
    if (start !== undefined && !reader.nestedRows())
      throw new UnanalysableError('unknown', 'a query that the gateway cannot read')
  },
  'create-view': (reader, cursor) => {
    skipIfExists(cursor)
    expectTable(reader)
    if (cursor.sees('(')) cursor.skipParentheses()
    if (!cursor.accept('AS')) throw new UnanalysableError('syntax', 'a view without a query')
    const end = cursor.end
    const option = ['WITH CHECK OPTION', 'WITH CASCADED CHECK OPTION', 'WITH LOCAL CHECK OPTION']
      .map((words) => words.split(' '))
      .find((words) => words.every((word, i) => isWord(cursor.tokens[end - words.length + i], word)))
    const query = reader.part(cursor.at, end - (option?.length ?? 0))
    if (!query.nestedRows()) throw new UnanalysableError('unknown', 'a view whose query the gateway cannot read')
    cursor.at = end
  },
  'create-trigger': (reader, cursor) => {
    reader.facts.nest({ verb: 'create trigger', class: 'opaque' })
    while (!cursor.done && !cursor.accept('ON')) cursor.at++
    expectTable(reader)
    cursor.at = cursor.end
  },
  'alter-table': (reader, cursor) => {
    skipIfExists(cursor)
    expectTable(reader)
    // MariaDB: CONVERT TABLE t TO PARTITION p, CONVERT PARTITION p TO TABLE t
    const converted = [
      ['CONVERT', 'TABLE'],
      ['TO', 'TABLE'],
    ]
    tablesAfter(reader, ['REFERENCES'], ['WITH', 'TABLE'], ...converted, ['RENAME', 'TO'], ['RENAME', 'AS'])
  },
  'rename-table': (reader, cursor) => {
    skipIfExists(cursor)
    do {
      expectTable(reader)
      while (!cursor.done && !cursor.accept('TO')) cursor.at++
      expectTable(reader)
    } while (cursor.accept(','))
  },
  grant: (reader, cursor) => {
    while (!cursor.done && !cursor.accept('ON')) cursor.at++
    cursor.acceptAny('TABLE', 'FUNCTION', 'PROCEDURE')
    const name = cursor.identifier()
    if (name !== undefined && cursor.accept('.', '*')) reader.facts.database(name)
    else if (name !== undefined && cursor.accept('.'))
      reader.facts.relation(name, cursor.identifier() ?? '', reader.facts.kind)
    else if (name !== undefined) reader.facts.relation(undefined, name, reader.facts.kind)
    cursor.at = cursor.end
  },

  begin: (reader, cursor) => {
    reader.facts.transaction = 'begin'
    cursor.at = cursor.end
  },
  commit: (reader, cursor) => {
    reader.facts.transaction = reader.facts.kind.verb === 'xa rollback' ? 'rollback' : 'commit'
    cursor.at = cursor.end
  },
  rollback: (reader, cursor) => {
    cursor.accept('WORK')
    const part = cursor.sees('TO')
    reader.facts.transaction = part ? 'savepoint' : 'rollback'
    if (part) reader.facts.kind = { verb: 'rollback to savepoint', class: 'transaction' }
    cursor.at = cursor.end
  },
  savepoint: (reader, cursor) => {
    reader.facts.transaction = 'savepoint'
    cursor.at = cursor.end
  },
}

/** SET in all its forms (13.7.6, SET Statements). */
function readSet(reader: StatementReader): void {
  const { cursor, facts } = reader
  for (const [words, verb] of SET_STATEMENTS) {
    if (!cursor.accept(...words)) continue
    facts.kind = { verb, class: verb === 'set transaction' ? 'transaction' : 'access' }
    reader.expressions()
    return
  }
  // MariaDB: SET STATEMENT variable = value, ... FOR statement
  if (cursor.accept('STATEMENT')) {
    const rest = cursor.at
    while (!cursor.done && !cursor.sees('FOR')) cursor.at++
    const assignments = reader.part(rest, cursor.at)
    readAssignments(assignments)
    if (!cursor.accept('FOR')) throw new UnanalysableError('syntax', 'malformed SET STATEMENT')
    reader.nestedStatement()
    return
  }
  readAssignments(reader)
}

const SET_STATEMENTS: readonly (readonly [readonly string[], string])[] = [
  [['PASSWORD'], 'set password'],
  [['ROLE'], 'set role'],
  [['DEFAULT', 'ROLE'], 'set default role'],
  [['RESOURCE', 'GROUP'], 'set resource group'],
  [['TRANSACTION'], 'set transaction'],
  [['SESSION', 'TRANSACTION'], 'set transaction'],
  [['LOCAL', 'TRANSACTION'], 'set transaction'],
  [['GLOBAL', 'TRANSACTION'], 'set global'],
]

function readAssignments(reader: StatementReader): void {
  const { cursor } = reader
  while (!cursor.done) {
    const start = cursor.at
    let depth = 0
    while (!cursor.done && !(depth === 0 && cursor.sees(','))) {
      if (cursor.sees('(')) depth++
      if (cursor.sees(')')) depth--
      cursor.at++
    }
    readAssignment(reader.part(start, cursor.at))
    cursor.accept(',')
  }
}

function readAssignment(reader: StatementReader): void {
  const { cursor, facts } = reader
  if (cursor.accept('NAMES') || cursor.accept('CHARSET') || cursor.accept('CHARACTER', 'SET')) {
    facts.setting('character_set_client', constant(cursor), false)
    cursor.at = cursor.end
    return
  }
  let scope = cursor.acceptAny('GLOBAL', 'PERSIST', 'PERSIST_ONLY', 'SESSION', 'LOCAL')
  let variable = false
  if (cursor.accept('@')) {
    variable = true
    if (cursor.accept('@')) {
      variable = false
      if (cursor.peek(1)?.text === '.') {
        const word = cursor.acceptAny('GLOBAL', 'PERSIST', 'PERSIST_ONLY', 'SESSION', 'LOCAL')
        if (word) {
          scope = word
          cursor.accept('.')
        }
      }
    }
  }
  let name = cursor.identifier() ?? (cursor.peek()?.kind === 'string' ? cursor.tokens[cursor.at++]!.text : undefined)
  if (name === undefined) throw new UnanalysableError('syntax', 'malformed SET')
  while (cursor.accept('.')) name += `.${cursor.identifier() ?? ''}`
  cursor.accept(':')
  if (!cursor.accept('=')) throw new UnanalysableError('syntax', 'malformed SET')
  const lasting = scope === 'GLOBAL' || scope === 'PERSIST' || scope === 'PERSIST_ONLY'
  if (variable) facts.userVariable()
  else facts.setting(name.toLowerCase(), constant(cursor), lasting)
  if (lasting) facts.kind = { verb: 'set global', class: 'access' }
  reader.expressions()
}

/** The value at the cursor if it is one constant or word and the last thing there. */
function constant(cursor: Cursor): string | undefined {
  const token = cursor.peek()
  const last = cursor.at === cursor.end - 1 || isWord(cursor.peek(1), 'COLLATE')
  if (!token || !last || token.text === 'DEFAULT') return undefined
  if (token.kind === 'string') return stringValue(token)
  return token.kind === 'punctuation' ? undefined : token.kind === 'number' ? token.text : token.name
}
