/** RFC 3454 C.1.2: spaces that are not ASCII. */
const OTHER_SPACE = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu
/** RFC 3454 B.1: commonly mapped to nothing. Written as alternatives, for some of them join to the character before. */
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu
/** RFC 3454 C.2.1 to C.9: control, private use, non-characters, surrogates, what is unfit for plain text, tagging. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u206a-\u206f\u200e\u200f\u202a-\u202e\u2ff0-\u2ffb\ufdd0-\ufdef\ufff9-\ufffd]|[\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]|\p{Noncharacter_Code_Point}|\u0340|\u0341/u
const ASCII = /^[\0-\x7f]*$/

/**
 * Prepares a password as PostgreSQL does (`pg_saslprep`, RFC 4013): ASCII stays as it is; a password that the profile
 * prohibits is used as its raw bytes. Not checked: the bidirectional rule and code points that Unicode 3.2 did not know,
 * so a password that breaks one of these and that NFKC changes too is prepared here where PostgreSQL takes it raw.
 */
export function saslprep(password: string): string {
  if (ASCII.test(password)) return password
  const prepared = password.replace(OTHER_SPACE, ' ').replace(NOTHING, '').normalize('NFKC')
  return prepared === '' || PROHIBITED.test(prepared) ? password : prepared
}
