import type { SessionEvent } from '../events.js'

/** Events for tests, as the gate makes them. */
export const started: SessionEvent & { type: 'session-started' } = {
  type: 'session-started',
  version: 1,
  at: 1_700_000_000_000,
  user: 'ana',
  groups: ['analysts'],
  method: 'scram-sha-256',
  address: '10.0.0.7',
  database: 'shop',
  dialect: 'postgres',
  application: 'psql',
}

export function statement(number: number, text: string): SessionEvent {
  return {
    type: 'statement',
    at: 1_700_000_000_000 + number,
    statement: number,
    text,
    decision: 'allow',
    rule: 'reading',
  }
}

export function finished(number: number): SessionEvent {
  const at = 1_700_000_000_001 + number
  return { type: 'finished', at, statement: number, tag: 'SELECT 1', rows: 1, bytes: 20, milliseconds: 0.25 }
}
