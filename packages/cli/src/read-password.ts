import { Secret, SluiceError } from '@sluice/domain'

const LONGEST = 4096

/** A password from standard input: all of it, without one line break at the end. */
export async function readPasswordFromStdin(): Promise<Secret> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > LONGEST) throw new SluiceError('usage_invalid', `the password is longer than ${LONGEST} bytes`)
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (password === '') throw new SluiceError('usage_invalid', 'there is no password on standard input')
  return new Secret(password)
}

/** Asks for a password twice on the terminal, without showing it. `usage_invalid` where there is no terminal. */
export async function askForPassword(whose: string): Promise<Secret> {
  if (!process.stdin.isTTY) {
    throw new SluiceError('usage_invalid', 'there is no terminal to ask for a password: use `--password-stdin`')
  }
  const first = await ask(`password for ${whose}: `)
  if (first === '') throw new SluiceError('usage_invalid', 'the password is empty: choose one')
  if ((await ask('again: ')) !== first) throw new SluiceError('usage_invalid', 'the two passwords are not the same')
  return new Secret(first)
}

function ask(prompt: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(prompt)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  return new Promise((resolve, reject) => {
    let typed: string[] = []
    const finish = (end: () => void) => {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      end()
    }
    const onData = (chunk: string) => {
      for (const char of chunk) {
        if (char === '\r' || char === '\n') return finish(() => resolve(typed.join('')))
        if (char === '\u0003' || char === '\u0004')
          return finish(() => reject(new SluiceError('usage_invalid', 'no password was given')))
        if (char === '\u007f' || char === '\b') typed.pop()
        else if (char === '\u0015') typed = []
        else if (char >= ' ') typed.push(char)
      }
    }
    stdin.on('data', onData)
  })
}
