import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import { Framer } from './framer.js'
import { COMMAND_LIMITS } from './limits.js'

function frame(type: string, content: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeInt32BE(content.length + 4, 1)
  return Buffer.concat([header, content])
}

/** Reads chunks, holding the frames of some types and streaming the others: `type:whole?` and the bytes of each. */
function read(chunks: readonly Buffer[], held: string): { types: string[]; bytes: Buffer; wholeFrames: Buffer[] } {
  const framer = new Framer(COMMAND_LIMITS)
  const types: string[] = []
  const seen: Buffer[] = []
  const wholeFrames: Buffer[] = []
  for (const chunk of chunks) {
    framer.feed(chunk)
    while (framer.next()) {
      const type = String.fromCharCode(framer.type)
      const here = Buffer.from(framer.bytes.subarray(framer.start, framer.end))
      if (framer.continued) {
        seen.push(here)
        continue
      }
      if (!framer.whole && held.includes(type)) {
        framer.hold()
        continue
      }
      types.push(type)
      seen.push(here)
      if (framer.whole) wholeFrames.push(here)
      else framer.stream()
    }
  }
  return { types, bytes: Buffer.concat(seen), wholeFrames }
}

describe('Framer', () => {
  const frames = [
    frame('Q', Buffer.from('select 1\0')),
    frame('d', Buffer.alloc(300, 'x')),
    frame('S', Buffer.alloc(0)),
    frame('P', Buffer.alloc(150, 'y')),
  ]
  const stream = Buffer.concat(frames)

  test('frames that lie in one chunk are views of it', () => {
    const framer = new Framer(COMMAND_LIMITS)
    framer.feed(stream)
    for (const expected of frames) {
      expect(framer.next()).toBe(true)
      expect(framer.whole).toBe(true)
      expect(framer.bytes).toBe(stream)
      expect(framer.bytes.subarray(framer.start, framer.end)).toEqual(expected)
    }
    expect(framer.next()).toBe(false)
    expect(framer.insideFrame).toBe(false)
  })

  test('held frames come whole and streamed ones in stretches, wherever a chunk ends', () => {
    for (let at = 0; at <= stream.length; at++) {
      const { types, bytes, wholeFrames } = read([stream.subarray(0, at), stream.subarray(at)], 'QPS')
      expect(types.join('')).toBe('QdSP')
      expect(bytes).toEqual(stream)
      for (const index of [0, 2, 3]) expect(wholeFrames).toContainEqual(frames[index])
    }
  })

  test('any frames in any chunks come out as they went in', () => {
    const anyFrame = fc
      .tuple(fc.constantFrom('Q', 'P', 'B', 'd'), fc.uint8Array({ maxLength: 200 }))
      .map(([type, content]) => frame(type, Buffer.from(content)))
    fc.assert(
      fc.property(fc.array(anyFrame), fc.array(fc.nat(40), { minLength: 1 }), (all, sizes) => {
        const bytes = Buffer.concat(all)
        const chunks: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]! + 1
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        const result = read(chunks, 'QB')
        expect(result.bytes).toEqual(bytes)
        expect(result.types.length).toBe(all.length)
      }),
    )
  })

  test('a frame in the making takes room as it arrives, not as its length claims', () => {
    const framer = new Framer(COMMAND_LIMITS)
    framer.feed(Buffer.from([0x51, 0x3f, 0xff, 0xff, 0xf0, 1, 2, 3]))
    expect(framer.next()).toBe(true)
    expect(framer.whole).toBe(false)
    const before = process.memoryUsage().arrayBuffers
    framer.hold()
    expect(framer.next()).toBe(false)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })

  test.each([
    ['shorter than its own length field', [0x51, 0, 0, 0, 3], 'message type 0x51 with impossible length 3'],
    ['of negative length', [0x51, 0xff, 0xff, 0xff, 0xff], 'message type 0x51 with impossible length -1'],
    ['beyond its type`s limit', [0x53, 0, 0, 0x27, 0x11], 'message type 0x53 with impossible length 10001'],
    ['of an unknown type', [0x79, 0, 0, 0, 4], 'unknown message type 0x79'],
  ])('a frame %s is refused, also when its header is cut', (_what, bytes, text) => {
    const whole = new Framer(COMMAND_LIMITS)
    whole.feed(Buffer.from(bytes))
    expect(() => whole.next()).toThrow(new WireError(text))
    const cut = new Framer(COMMAND_LIMITS)
    cut.feed(Buffer.from(bytes.slice(0, 2)))
    expect(cut.next()).toBe(false)
    cut.feed(Buffer.from(bytes.slice(2)))
    expect(() => cut.next()).toThrow(new WireError(text))
  })
})
