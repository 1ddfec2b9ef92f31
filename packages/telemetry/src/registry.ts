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
}

export interface Registry {
  counter<const L extends string = never>(name: string, help: string, labels?: readonly L[]): Family<L, Count>
  gauge<const L extends string = never>(name: string, help: string, labels?: readonly L[]): Family<L, Level>
  /** A gauge that is asked for its value when the text is made. */
  observed(name: string, help: string, value: () => number): void
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

export function createRegistry(): Registry {
  const families: (() => string)[] = []

  function family<L extends string>(type: string, name: string, help: string, labels: readonly L[]) {
    const series = new Map<string, Series>()
    families.push(() => {
      const lines = [...series].map(([text, { value }]) => `${name}${text} ${value}\n`)
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
    })
    return {
      with(values: Labels<L>): Series {
        const pairs = labels.map((label) => `${label}=${quoted(values[label])}`)
        const text = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
        let found = series.get(text)
        if (!found) series.set(text, (found = new Series()))
        return found
      },
    }
  }

  return {
    counter: (name, help, labels = []) => family('counter', name, help, labels),
    gauge: (name, help, labels = []) => family('gauge', name, help, labels),
    observed(name, help, value) {
      families.push(() => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value()}\n`)
    },
    render: () => families.map((text) => text()).join(''),
  }
}

function quoted(value: string): string {
  return `"${value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`
}
