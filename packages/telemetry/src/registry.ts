/** Counters and gauges, and their text form for Prometheus (exposition format 0.0.4). */

type Labels<L extends string> = Readonly<Record<L, string>>

/** One series of a counter. Keep it where it is counted often: adding is one addition. */
export interface Count {
  add(amount?: number): void
  readonly value: number
}

export interface Level extends Count {
  set(value: number): void
}

/** Series by their labels. The same labels give the same series. */
export interface Family<L extends string, S> {
  with(labels: Labels<L>): S
  /** Shorthand for `with(labels).add(amount)`. */
  increment(labels: Labels<L>, amount?: number): void
}

export interface Registry {
  counter<const L extends string = never>(name: string, help: string, labels?: readonly L[]): Family<L, Count>
  gauge<const L extends string = never>(name: string, help: string, labels?: readonly L[]): Family<L, Level>
  /** A gauge that is asked for its value when the text is made; left out before it follows something. */
  observed(name: string, help: string): Observed
  render(): string
}

class Series implements Level {
  value = 0

  add(amount = 1): void {
    this.value += amount
  }

  set(value: number): void {
    this.value = value
  }
}

/** A gauge whose value is kept elsewhere. */
export interface Observed {
  follow(value: () => number): void
}

export function createRegistry(): Registry {
  const families: (() => string)[] = []

  function family<L extends string>(type: string, name: string, help: string, labels: readonly L[]) {
    const series = new Map<string, Series>()
    families.push(() => {
      const lines = [...series].map(([text, { value }]) => `${name}${text} ${value}\n`)
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
    })
    const face = {
      with(values: Labels<L>): Series {
        const pairs = labels.map((label) => `${label}=${quoted(values[label])}`)
        const text = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
        let found = series.get(text)
        if (!found) series.set(text, (found = new Series()))
        return found
      },
      increment(values: Labels<L>, amount = 1): void {
        face.with(values).add(amount)
      },
    }
    return face
  }

  return {
    counter: (name, help, labels = []) => family('counter', name, help, labels),
    gauge: (name, help, labels = []) => family('gauge', name, help, labels),
    observed(name, help) {
      let value: (() => number) | undefined
      families.push(() => (value ? `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value()}\n` : ''))
      return {
        follow(source) {
          value = source
        },
      }
    },
    render: () => families.map((text) => text()).join(''),
  }
}

function quoted(value: string): string {
  return `"${value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`
}
