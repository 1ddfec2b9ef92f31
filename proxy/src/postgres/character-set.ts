import { SluiceError } from '@sluice/domain'

/** What a session's text is encoded in unless its client asks for something else. */
export const DEFAULT_CLIENT_ENCODING = 'UTF8'

/**
 * Client encodings in which a byte below 0x80 is always the ASCII character, by names folded as the server folds them. BIG5,
 * GBK, GB18030, JOHAB, SHIFT_JIS_2004, SJIS and UHC are not here: in them a quote can be the half of another character, so
 * that the server reads other SQL than any parser. Nor are the EUC encodings, which few use and nobody here has proved.
 */
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['utf8', 'UTF8'],
  ['unicode', 'UTF8'],
  ['sqlascii', 'SQL_ASCII'],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n): [string, string] => [`latin${n}`, `LATIN${n}`]),
  ...[1, 2, 3, 4].map((n): [string, string] => [`iso8859${n}`, `LATIN${n}`]),
  ...[5, 6, 7, 8].map((n): [string, string] => [`iso8859${n}`, `ISO_8859_${n}`]),
  ['iso88599', 'LATIN5'],
  ['iso885910', 'LATIN6'],
  ['iso885913', 'LATIN7'],
  ['iso885914', 'LATIN8'],
  ['iso885915', 'LATIN9'],
  ['iso885916', 'LATIN10'],
  ...[1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258].flatMap((n): [string, string][] => [
    [`win${n}`, `WIN${n}`],
    [`windows${n}`, `WIN${n}`],
  ]),
  ['win866', 'WIN866'],
  ['win874', 'WIN874'],
  ['koi8', 'KOI8R'],
  ['koi8r', 'KOI8R'],
  ['koi8u', 'KOI8U'],
])

/** The server's own name for a client encoding that may pass. Throws `feature_unsupported` for the others. */
export function clientEncodingOf(value: string): string {
  const encoding = ENCODINGS.get(value.replace(/[^A-Za-z0-9]/g, '').toLowerCase())
  if (encoding === undefined) {
    throw new SluiceError('feature_unsupported', `client encoding \`${value}\` is not allowed by this gateway`, {
      hint: 'use UTF8',
    })
  }
  return encoding
}
