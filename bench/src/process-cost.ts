/** What processes cost: CPU time and peak memory, as Linux's /proc tells them. Elsewhere everything is undefined. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** /proc counts in these (`getconf CLK_TCK` is 100 on every Linux of today). */
const MICROSECONDS_A_TICK = 10_000

/** CPU time of a process, its children and those that it has buried, in microseconds. */
export function cpuOf(pid: number): number | undefined {
  try {
    return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + ticksOf(each), 0) * MICROSECONDS_A_TICK
  } catch {
    return undefined
  }
}

/** Peak resident memory in bytes since `resetPeak`. */
export function peakMemoryOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}

/** Lets `peakMemoryOf` count from now (proc(5), clear_refs: 5). Where it may not, the peak is that of the whole life. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // the peak of the whole life is an upper bound
  }
}

/** utime, stime, cutime and cstime of proc(5); the name before them may hold blanks and parentheses. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1]) === parent
        ? [Number(name)]
        : []
    } catch {
      return [] // gone in the meantime
    }
  })
}
