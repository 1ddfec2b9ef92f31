import type { Identity } from '@sluice/domain'
import { describe, expect, it } from 'vitest'
import { loadPolicy } from './load-policy.js'
import { strictest } from './mask.js'
import { masksFor } from './mask-set.js'
import { planMasks } from './plan-masks.js'

const loaded = loadPolicy(
  `rules:
  - name: personal data
    mask: { public.users.email: partial, "*.ssn": { keepLast: 4 }, "*.password_hash": null, users.nick: { keepFirst: 2 } }
    except: { groups: [privacy] }
  - name: stricter
    on: { databases: [shop] }
    mask: { users.ssn: hash, users.nick: { keepLast: 3 }, '"Odd".x': redact }
`,
  'p.yaml',
)
if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
const { policy } = loaded
const someone = (...groups: string[]): Identity => ({ user: 'ann', groups, method: 'local' })

describe('masksFor', () => {
  const shop = masksFor(policy, someone(), 'shop')

  it('finds masks by column, table and schema', () => {
    expect(shop.forColumn('public', 'users', 'email')).toMatchObject({ kind: 'partial' })
    expect(shop.forColumn('other', 'users', 'email')).toBeUndefined()
    expect(shop.forColumn('any', 'thing', 'ssn')).toEqual({ kind: 'partial', keepFirst: 0, keepLast: 4 })
    expect(shop.forColumn('any', 'thing', 'password_hash')).toEqual({ kind: 'null' })
  })

  it('takes the strictest of several, and of two partial ones what both keep', () => {
    expect(shop.forColumn('public', 'users', 'ssn')).toEqual({ kind: 'hash' })
    expect(shop.forColumn('public', 'users', 'nick')).toEqual({ kind: 'partial', keepFirst: 0, keepLast: 0 })
    expect(strictest({ kind: 'email' }, { kind: 'null' })).toEqual({ kind: 'null' })
    expect(strictest({ kind: 'redact' }, { kind: 'hash' })).toEqual({ kind: 'redact' })
  })

  it('masks names in other letters too, unless the pattern is quoted', () => {
    expect(shop.forColumn('public', 'Users', 'SSN')).toEqual({ kind: 'hash' })
    expect(shop.forColumn('public', 'Odd', 'x')).toEqual({ kind: 'redact' })
    expect(shop.forColumn('public', 'odd', 'x')).toBeUndefined()
  })

  it('holds by person and database', () => {
    expect(masksFor(policy, someone('privacy'), 'hr').empty).toBe(true)
    expect(masksFor(policy, someone('privacy'), 'shop').forColumn('public', 'users', 'email')).toBeUndefined()
    expect(masksFor(policy, someone(), 'hr').forColumn('public', 'users', 'ssn')).toMatchObject({ kind: 'partial' })
    expect(masksFor(policy, someone(), 'hr').fingerprint).not.toBe(shop.fingerprint)
    expect(masksFor(policy, someone('x'), 'shop').fingerprint).toBe(shop.fingerprint)
  })

  it('says which relations may have masked columns', () => {
    const only = loadPolicy('rules: [{ name: a, mask: { s.users.email: null } }]', 'p.yaml')
    const set = masksFor('policy' in only ? only.policy : policy, someone(), 'shop')
    expect(set.touches('s', 'users')).toBe(true)
    expect(set.touches(undefined, 'users')).toBe(true)
    expect(set.touches('t', 'users')).toBe(false)
    expect(set.touches('s', 'orders')).toBe(false)
    expect(shop.touches('s', 'orders')).toBe(true) // *.ssn may be in any
  })
})

describe('planMasks', () => {
  const masks = masksFor(policy, someone(), 'shop')
  const email = { kind: 'column', schema: 'public', table: 'users', column: 'email' } as const
  const id = { kind: 'column', schema: 'public', table: 'users', column: 'id' } as const
  const redact = { kind: 'redact' }

  it('is undefined where nothing is masked', () => {
    expect(planMasks(masks, 'masked', undefined, [id])).toBeUndefined()
    expect(planMasks(masks, 'clean', undefined, [{ kind: 'expression' }])).toBeUndefined()
    expect(
      planMasks(masksFor(policy, someone('privacy'), 'hr'), 'unknown', false, [{ kind: 'unknown' }]),
    ).toBeUndefined()
  })

  it('masks a column by its own mask, whatever the statement was thought to touch', () => {
    for (const touched of ['masked', 'clean', 'unknown'] as const)
      expect(planMasks(masks, touched, undefined, [id, email])).toEqual([
        undefined,
        { kind: 'partial', keepFirst: 1, keepLast: 0, keepDomain: true },
      ])
  })

  it('masks expressions whole where a masked relation is or may be read', () => {
    expect(planMasks(masks, 'masked', undefined, [{ kind: 'expression' }, id])).toEqual([redact, undefined])
    expect(planMasks(masks, 'unknown', undefined, [{ kind: 'expression' }])).toEqual([redact])
  })

  it('masks what is of unknown origin always', () => {
    expect(planMasks(masks, 'clean', true, [{ kind: 'unknown' }])).toEqual([redact])
    expect(planMasks(masks, 'clean', undefined, [{ kind: 'unknown' }])).toEqual([redact])
    expect(planMasks(masks, 'unknown', false, [{ kind: 'unknown' }])).toEqual([redact])
    // ... unless the text has derived tables, over relations that are all known to be clean.
    expect(planMasks(masks, 'clean', false, [{ kind: 'unknown' }])).toBeUndefined()
  })

  it('does not believe the wire where the output is not plain', () => {
    expect(planMasks(masks, 'masked', false, [id, email])).toEqual([redact, redact])
    expect(planMasks(masks, 'masked', true, [id, email])).toEqual([
      undefined,
      expect.objectContaining({ kind: 'partial' }),
    ])
    expect(planMasks(masks, 'clean', false, [id])).toBeUndefined()
  })

  it('shows an expression that the analysis knows to be safe, and nothing else for its sake', () => {
    const expression = { kind: 'expression' } as const
    const plan = (outputs: ('safe' | 'other')[], plain?: boolean) =>
      planMasks(masks, 'masked', plain, [expression, expression], outputs)
    expect(plan(['safe', 'other'])).toEqual([undefined, redact])
    expect(plan(['safe', 'safe'], true)).toBeUndefined()
    // The wire may not be believed, or counts other columns than the analysis.
    expect(plan(['safe', 'safe'], false)).toEqual([redact, redact])
    expect(plan(['safe'])).toEqual([redact, redact])
    expect(plan(['safe', 'safe', 'safe'])).toEqual([redact, redact])
    // The wire knows better.
    expect(planMasks(masks, 'masked', undefined, [email, { kind: 'unknown' }], ['safe', 'safe'])).toEqual([
      expect.objectContaining({ kind: 'partial' }),
      redact,
    ])
  })
})
