import { SluiceError } from '@sluice/domain'

/**
 * Splits the startup parameter `options` into settings as the server does: words at white space, a backslash takes the next
 * character as it is; `-c name=value`, `-cname=value` or `--name=value`, where dashes in a name stand for underscores.
 * Throws `feature_unsupported` for every other switch.
 */
export function splitOptions(options: string): (readonly [name: string, value: string])[] {
  const settings: (readonly [string, string])[] = []
  const words = splitWords(options)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    let assignment: string | undefined
    if (word === '-c') assignment = words[++i]
    else if (word.startsWith('-c')) assignment = word.slice(2)
    else if (word.startsWith('--') && word.length > 2) assignment = word.slice(2)
    const equals = assignment?.indexOf('=') ?? -1
    if (assignment === undefined || equals < 1) {
      throw new SluiceError('feature_unsupported', `startup option \`${word}\` is not allowed by this gateway`, {
        hint: 'write options as `-c name=value`',
      })
    }
    settings.push([assignment.slice(0, equals).replaceAll('-', '_'), assignment.slice(equals + 1)])
  }
  return settings
}

function splitWords(text: string): string[] {
  const words: string[] = []
  // White space as C's isspace knows it, not as Unicode does.
  for (const [word] of text.matchAll(/(?:\\[\s\S]?|[^\\ \t\n\v\f\r])+/g)) words.push(word.replace(/\\([\s\S]?)/g, '$1'))
  return words
}
