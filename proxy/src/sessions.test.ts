import type { Dialect } from '@sluice/domain'
import { describe, expect, it } from 'vitest'
import { type LiveSession, Sessions } from './sessions.js'

function live(connectionId: number, user: string, more: { dialect?: Dialect; database?: string } = {}) {
  const done: string[] = []
  const session: LiveSession = {
    connectionId,
    user,
    dialect: more.dialect ?? 'mysql',
    database: more.database ?? 'shop',
    cancelKey: Buffer.alloc(36, connectionId),
    upstreamId: connectionId + 1000,
    idle: true,
    cancel: async () => void done.push('cancel'),
    terminate: () => done.push('terminate'),
    destroy: () => done.push('destroy'),
  }
  return { session, done }
}

describe('the sessions of a process', () => {
  it('are interrupted and ended by their own users alone, by either number', () => {
    const sessions = new Sessions({ sessions: 9, sessionsPerUser: 9 })
    const { session, done } = live(7, 'alice')
    sessions.add(session)
    expect(sessions.kill('bob', 7, 'query')?.code).toBe('statement_denied')
    expect(sessions.kill('bob', 1007, 'connection')?.code).toBe('statement_denied')
    expect(sessions.kill('alice', 8, 'query')?.code).toBe('statement_denied')
    expect(done).toEqual([])
    expect(sessions.kill('alice', 7, 'query')).toBeUndefined()
    expect(sessions.kill('alice', 1007, 'connection')).toBeUndefined()
    expect(done).toEqual(['cancel', 'terminate'])
  })

  it('tell the database that a user is in, by protocol', () => {
    const sessions = new Sessions({ sessions: 9, sessionsPerUser: 9 })
    for (const each of [
      live(1, 'alice'),
      live(2, 'alice', { database: 'stock' }),
      live(3, 'bob', { dialect: 'postgres' }),
    ])
      sessions.add(each.session)
    expect(sessions.databaseOf('alice', 'mysql')).toBe('stock')
    sessions.forget(2)
    expect(sessions.databaseOf('alice', 'mysql')).toBe('shop')
    expect(sessions.databaseOf('alice', 'postgres')).toBeUndefined()
    expect(sessions.databaseOf('bob', 'mysql')).toBeUndefined()
  })

  it('are counted, in all and for each user, until their places are given back', () => {
    const sessions = new Sessions({ sessions: 3, sessionsPerUser: 2 })
    const leave = sessions.reserve('alice')
    sessions.reserve('alice')
    expect(() => sessions.reserve('alice')).toThrow(/the most allowed/)
    sessions.reserve('bob')
    expect(() => sessions.reserve('carol')).toThrow(/no free session/)
    leave()
    sessions.reserve('carol')
  })
})
