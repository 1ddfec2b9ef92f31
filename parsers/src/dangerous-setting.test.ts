import { describe, expect, it } from 'vitest'
import { dangerousSetting } from './dangerous-setting.js'

const set = (name: string, value?: string) => ({ name, ...(value === undefined ? {} : { value }), lasting: false })

describe('a setting is dangerous', () => {
  it.each([
    ['postgres', set('standard_conforming_strings', 'off')],
    ['postgres', set('STANDARD_CONFORMING_STRINGS')],
    ['postgres', set('client_encoding', 'SJIS')],
    ['postgres', set('client_encoding')],
    ['mysql', set('character_set_client', 'gbk')],
    ['mysql', set('session_track_system_variables', '')],
    ['mysql', set('session_track_system_variables')],
  ] as const)('in %s: %o', (dialect, change) => {
    expect(dangerousSetting(dialect, change)).toMatch(new RegExp(`^\`${change.name}\` `))
  })
})

describe('a setting is harmless', () => {
  it.each([
    ['postgres', set('standard_conforming_strings', 'on')],
    ['postgres', set('client_encoding', 'UTF-8')],
    ['postgres', set('work_mem', '1GB')],
    ['mysql', set('character_set_client', 'utf8mb4')],
    ['mysql', set('character_set_client')], // from a variable, as dumps do: the server reports what it became
    ['mysql', set('sql_mode', 'ANSI_QUOTES')], // followed
  ] as const)('in %s: %o', (dialect, change) => {
    expect(dangerousSetting(dialect, change)).toBeUndefined()
  })
})
