const last = new Set<() => void>()

process.on('exit', () => {
  for (const act of last) act()
})

/** Has something done when this process exits, with one listener for all; the result calls it off. */
export function atExit(act: () => void): () => void {
  last.add(act)
  return () => void last.delete(act)
}
