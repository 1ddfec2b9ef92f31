import { SluiceError } from '@sluice/domain'
import type { ParameterType } from '@sluice/wire/mysql'
import type { Pass, Statement } from '../gate.js'
import { readAlike } from './lexical-state.js'
import type { RowLook } from './row-look.js'

/** Names that SQL's PREPARE may give in one session, and texts that one name may have had. */
const MAX_NAMES = 4096
const MAX_TEXTS = 256

/** A statement that the server has prepared for the client, by COM_STMT_PREPARE. */
export interface PreparedStatement {
  readonly id: number
  readonly statement: Statement
  readonly parameters: number
  /** sql_mode as it was when the server read the text; should it read it again, it must be the same. */
  readonly sqlMode: ReadonlySet<string>
  boundTypes: readonly ParameterType[] | undefined
  /** Bytes that came ahead as long data, by parameter. */
  readonly longData: Map<number, number>
  /** The execution whose rows wait for COM_STMT_FETCH, and how they are to be treated. */
  cursor: { readonly pass: Pass; readonly look: RowLook | undefined } | undefined
}

/** What a session has prepared: by number through the protocol, by name through SQL. */
export class PreparedStatements {
  /** The last one that COM_STMT_PREPARE made, for MariaDB's statement id -1; undefined where it failed. */
  last: PreparedStatement | undefined
  readonly #byId = new Map<number, PreparedStatement>()
  readonly #byName = new Map<string, Statement[]>()
  #sqlMode: ReadonlySet<string> = new Set()

  add(id: number, statement: Statement, parameters: number, sqlMode: ReadonlySet<string>): void {
    const prepared = {
      id,
      statement,
      parameters,
      sqlMode,
      boundTypes: undefined,
      longData: new Map(),
      cursor: undefined,
    }
    this.#byId.set(id, prepared)
    this.last = prepared
  }

  find(id: number): PreparedStatement | undefined {
    return this.#byId.get(id)
  }

  close(id: number): void {
    this.#byId.delete(id)
    if (this.last?.id === id) this.last = undefined
  }

  /** Everything that a name has ever stood for in this session: whether a PREPARE succeeded is not waited for. */
  named(name: string): readonly Statement[] {
    return this.#byName.get(fold(name)) ?? []
  }

  /** Notes what SQL's PREPARE is about to give this name. Returns an error where there are too many. */
  name(name: string, statement: Statement): SluiceError | undefined {
    const known = this.#byName.get(fold(name))
    if (known === undefined && this.#byName.size >= MAX_NAMES) {
      return new SluiceError('limit_exceeded', `more than ${MAX_NAMES} names of prepared statements in one session`)
    }
    if (known === undefined) {
      this.#byName.set(fold(name), [statement])
      return undefined
    }
    if (known.some((other) => sameText(other, statement))) return undefined
    if (known.length >= MAX_TEXTS) {
      return new SluiceError('limit_exceeded', `\`${name}\` was prepared with more than ${MAX_TEXTS} texts`, {
        hint: 'use a new name, or parameters',
      })
    }
    known.push(statement)
    return undefined
  }

  /** Names hold as long as the server reads their texts as it did. */
  readIn(sqlMode: ReadonlySet<string>): void {
    if (!readAlike(this.#sqlMode, sqlMode)) this.forgetNames()
    this.#sqlMode = sqlMode
  }

  /** Names can mean something else now: code on the server may have prepared anew. */
  forgetNames(): void {
    this.#byName.clear()
  }

  clear(): void {
    this.#byId.clear()
    this.#byName.clear()
    this.last = undefined
  }
}

/** Names of prepared statements do not tell case apart. */
function fold(name: string): string {
  return name.toLowerCase()
}

function sameText(a: Statement, b: Statement): boolean {
  return a.analysis.ok && b.analysis.ok && a.analysis.text.equals(b.analysis.text)
}
