import { SluiceError } from '@sluice/domain'
import type { SettingChange, StatementFacts } from '@sluice/parsers'
import type { Statement } from '../gate.js'
import { isSafeCharacterSet, unsafeCharacterSet } from './lexical-state.js'

/** Names under which a change of the client's character set may come. */
const CHARACTER_SET_SETTINGS = new Set(['character_set_client', 'names', 'set names', 'character set', 'charset'])
/** Without these the gateway would no longer be told how the server reads SQL. */
const TRACKING_SETTINGS = new Set(['session_track_system_variables', 'session_track_schema'])

/**
 * What the relay itself must refuse of a text, whatever the policy says: settings that would blind it, changes in the middle of
 * a text that make the server read the rest of it in another way, and KILL in a form that it cannot follow.
 */
export function refusalOf(statement: Statement, executes: readonly Statement[]): SluiceError | undefined {
  if (!statement.analysis.ok) return undefined
  const { statements } = statement.analysis
  for (let i = 0; i < statements.length; i++) {
    const facts = statements[i]!
    const last = i === statements.length - 1
    const change = facts.settings.length === 0 ? undefined : settingRefusal(facts.settings, last)
    if (change) return change
    if (facts.nested.some(({ verb }) => verb === 'kill' || verb === 'use')) return notInside()
    if (last && statements.length === 1) break
    if (facts.verb === 'use') return onItsOwn('use')
    if (facts.verb === 'kill') return onItsOwn('kill')
    if (!last && facts.prepared?.action === 'execute' && executes.some(changesReading)) return onItsOwn('execute')
  }
  return undefined
}

/** Text of a KILL that the gateway can follow: a session's number, written out. */
export function killedBy(text: Buffer): { readonly id: number; readonly what: 'query' | 'connection' } | undefined {
  const match = /^\s*kill\s+(?:hard\s+|soft\s+)?(?:(query|connection)\s+)?(\d{1,15})\s*;?\s*$/i.exec(
    text.toString('latin1'),
  )
  if (!match) return undefined
  return { id: Number(match[2]), what: match[1]?.toLowerCase() === 'query' ? 'query' : 'connection' }
}

/** Whether code that only the server sees may run: it can prepare statements under known names. */
export function runsUnseenCode({ analysis }: Statement): boolean {
  const unseen = (facts: StatementFacts) => isUnseen(facts.class) || facts.nested.some((inner) => isUnseen(inner.class))
  return analysis.ok && analysis.statements.some(unseen)
}

function isUnseen(kind: StatementFacts['class']): boolean {
  return kind === 'procedure' || kind === 'opaque'
}

function settingRefusal(settings: readonly SettingChange[], last: boolean): SluiceError | undefined {
  for (const { name, value, lasting } of settings) {
    if (lasting) continue
    const setting = name.toLowerCase()
    if (TRACKING_SETTINGS.has(setting)) {
      return new SluiceError('feature_unsupported', `\`${setting}\` cannot be changed through the gateway`, {
        hint: 'leave it out; the gateway follows the session by it',
      })
    }
    const isCharacterSet = CHARACTER_SET_SETTINGS.has(setting)
    if (isCharacterSet && value !== undefined && isName(value) && !isSafeCharacterSet(value))
      return unsafeCharacterSet(value)
    if (!last && (isCharacterSet || setting === 'sql_mode')) return onItsOwn(`set ${setting}`)
  }
  return undefined
}

function changesReading({ analysis }: Statement): boolean {
  const isReading = ({ name }: SettingChange) =>
    name.toLowerCase() === 'sql_mode' || CHARACTER_SET_SETTINGS.has(name.toLowerCase())
  return analysis.ok && analysis.statements.some((facts) => facts.settings.some(isReading))
}

/** A plain word; `default` and what is computed is known only when the server reports it. */
function isName(value: string): boolean {
  return /^'?[a-z0-9_]+'?$/i.test(value) && value.toLowerCase() !== 'default'
}

function notInside(): SluiceError {
  return new SluiceError(
    'feature_unsupported',
    '`use` and `kill` cannot be prepared or run inside of another statement',
    {
      hint: 'send them as they are',
    },
  )
}

function onItsOwn(what: string): SluiceError {
  return new SluiceError('feature_unsupported', `\`${what}\` cannot be mixed with other statements in one text`, {
    hint: 'send it as a text of its own',
  })
}
