import { SluiceError } from '@sluice/domain'

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Milliseconds since 1970 of `2h` (that long ago), `2026-11-20` or `2026-11-20T11:30:00Z`; UTC where no zone is given. */
export function parseSince(text: string, now: number = Date.now()): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(text)
  if (ago) return now - Number(ago[1]) * UNITS[ago[2]!]!
  const date = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text) ? text : ''
  const at = Date.parse(
    /(Z|[+-]\d\d:\d\d)$/.test(date) || date.length === 10 ? date.replace(' ', 'T') : `${date.replace(' ', 'T')}Z`,
  )
  if (!Number.isNaN(at)) return at
  throw new SluiceError(
    'usage_invalid',
    `\`${text}\` is not a time: use \`2h\`, \`2026-11-20\` or \`2026-11-20T11:30:00Z\``,
  )
}

/** `2026-11-20 11:30:00`, UTC as in replays. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')
}

/** `1.2 ms`, `3.4 s`, `5 min`, `2.5 h`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Number(milliseconds.toFixed(milliseconds < 10 ? 1 : 0))} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`
  if (milliseconds < 3_600_000) return `${Math.round(milliseconds / 60_000)} min`
  return `${(milliseconds / 3_600_000).toFixed(1)} h`
}
