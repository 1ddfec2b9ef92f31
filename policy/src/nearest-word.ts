/** Finds the valid word that a mistyped one most likely stands for; undefined where none is near. */
export function nearestWord(word: string, words: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(wanted.length / 2)) // farther than this is a guess, not a correction
  for (const candidate of words) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < bestDistance || (distance === bestDistance && best === undefined)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Appends `, did you mean ...?` where a near word is known. */
export function suggesting(message: string, word: string, words: Iterable<string>): string {
  const near = nearestWord(word, words)
  return near === undefined ? message : `${message}; did you mean \`${near}\`?`
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
