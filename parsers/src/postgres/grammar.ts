import { createRequire } from 'node:module'
import { UnanalysableError } from '../unanalysable-error.js'

/** A node of libpg-query's tree: `{ Kind: { field: ... } }` where the grammar's type is open, the fields alone where it is fixed. */
export type Fields = Readonly<Record<string, unknown>>

export interface RawStatement {
  readonly stmt?: Fields
  /** Byte offset of the statement in the text. */
  readonly stmt_location?: number
  readonly stmt_len?: number
}

/** The WASM module as its own wrapper (`libpg-query/wasm/index.cjs`) uses it; used directly, so that a broken instance can be replaced. */
interface Instance {
  readonly HEAPU8: Uint8Array
  _malloc(size: number): number
  _free(pointer: number): void
  _wasm_parse_query_raw(query: number): number
  _wasm_free_parse_result(result: number): void
  getValue(pointer: number, type: 'i32'): number
  UTF8ToString(pointer: number): string
}

const require = createRequire(import.meta.url)
const instantiate = require('libpg-query/wasm/libpg-query.js') as () => Promise<Instance>

/** PostgreSQL's own grammar. One instance of the WASM module, replaced by itself after any failure but a syntax error. */
export class PostgresGrammar {
  #instance: Instance | undefined
  #loading: Promise<void> | undefined

  /** True when `parse` can be called. */
  get ready(): boolean {
    return this.#instance !== undefined
  }

  load(): Promise<void> {
    this.#loading ??= instantiate().then((instance) => {
      this.#instance = instance
    })
    return this.#loading
  }

  /**
   * The statements of a text (valid UTF-8 without NUL).
   * @throws UnanalysableError `syntax` with the grammar's own message and character position; `limit` when the instance broke.
   */
  parse(text: Buffer): readonly RawStatement[] {
    const instance = this.#instance
    if (!instance) throw new UnanalysableError('limit', 'the SQL parser is being restarted')
    try {
      return parseWith(instance, text)
    } catch (error) {
      if (error instanceof UnanalysableError) throw error
      this.#instance = undefined
      this.#loading = undefined
      this.load().catch(() => {})
      throw new UnanalysableError('limit', 'the statement is too deeply nested to be analysed')
    }
  }
}

function parseWith(instance: Instance, text: Buffer): readonly RawStatement[] {
  const query = instance._malloc(text.length + 1)
  if (query === 0) throw new Error('out of memory')
  instance.HEAPU8.set(text, query)
  instance.HEAPU8[query + text.length] = 0
  const result = instance._wasm_parse_query_raw(query)
  if (result === 0) throw new Error('no result')
  // PgQueryParseResult: parse_tree, stderr_buffer, error; PgQueryError: message, funcname, filename, lineno, cursorpos
  const tree = instance.getValue(result, 'i32')
  const error = instance.getValue(result + 8, 'i32')
  let parsed: { stmts?: RawStatement[] } | undefined
  let failure: UnanalysableError | undefined
  if (error !== 0) {
    const message = instance.UTF8ToString(instance.getValue(error, 'i32'))
    const position = instance.getValue(error + 16, 'i32')
    failure = new UnanalysableError('syntax', message, position > 0 ? position : undefined)
  } else {
    parsed = JSON.parse(instance.UTF8ToString(tree))
  }
  instance._free(query)
  instance._wasm_free_parse_result(result)
  if (failure) {
    // Raised by the C code for want of memory or stack, not by the grammar.
    if (/memory exhausted|stack depth|out of memory/.test(failure.message)) {
      throw new UnanalysableError('limit', 'the statement is too deeply nested to be analysed')
    }
    throw failure
  }
  return parsed?.stmts ?? []
}
