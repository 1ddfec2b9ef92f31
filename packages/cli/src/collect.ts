/** For options that may be repeated: all their values, in order. */
export function collect(value: string, all: string[] | undefined): string[] {
  return [...(all ?? []), value]
}
