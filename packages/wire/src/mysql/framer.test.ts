import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../wire-error.js'
import { type Disposition, framePacket, PacketFramer, physicalPackets } from './framer.js'
import { MAX_PACKET_PAYLOAD } from './limits.js'

const byte = (value: number, length: number) => Buffer.alloc(length, value)
const wire = (...payloads: Buffer[]) => Buffer.concat(payloads.flatMap((payload, i) => framePacket(payload, i)))

/** Treats a packet by its first byte: 1 passes, 2 is taken and goes on, 3 is taken and replaced, 4 is dropped. */
class Recorder {
  out: Buffer[] = []
  taken: Buffer[] = []
  ended = 0
  framer: PacketFramer
  constructor(limit = 1 << 26, peek = 1) {
    this.framer = new PacketFramer(this, { peek, limit })
  }
  begin(bytes: Buffer, start: number, length: number): Disposition {
    if (length === 0) return 'pass'
    return bytes[start] === 1 ? 'pass' : bytes[start] === 4 ? 'drop' : 'take'
  }
  passed(): void {
    this.ended++
  }
  packet(bytes: Buffer, start: number, end: number): boolean {
    this.taken.push(Buffer.from(bytes.subarray(start, end)))
    if (bytes[start] === 2) return true
    this.framer.flush()
    this.pass(Buffer.from('!'))
    return false
  }
  pass(bytes: Buffer): void {
    this.out.push(Buffer.from(bytes))
  }
  get written(): Buffer {
    return Buffer.concat(this.out)
  }
}

describe('PacketFramer', () => {
  it('passes a run of packets that nobody wants to see as one view of the chunk', () => {
    const recorder = new Recorder()
    const chunk = wire(byte(1, 3), byte(1, 300), byte(1, 1))
    recorder.framer.feed(chunk)
    expect(recorder.out).toEqual([chunk])
    expect(recorder.ended).toBe(3)
  })

  it('gives the same output wherever the chunks are cut', () => {
    const payloads = [
      byte(1, 5),
      byte(2, 9),
      byte(3, 4),
      byte(1, 1),
      byte(4, 30),
      Buffer.alloc(0),
      byte(2, 2),
      byte(1, 7),
    ]
    const all = wire(...payloads)
    const whole = new Recorder()
    whole.framer.feed(all)
    expect(whole.taken).toEqual([byte(2, 9), byte(3, 4), byte(2, 2)])
    for (let cut = 0; cut <= all.length; cut++) {
      const cutOnce = new Recorder()
      cutOnce.framer.feed(all.subarray(0, cut))
      cutOnce.framer.feed(all.subarray(cut))
      expect(cutOnce.written).toEqual(whole.written)
      expect(cutOnce.taken).toEqual(whole.taken)
      expect(cutOnce.ended).toBe(whole.ended)
    }
    const bytewise = new Recorder(1 << 26, 7)
    for (const each of all) bytewise.framer.feed(Buffer.of(each))
    expect(bytewise.written).toEqual(whole.written)
    expect(bytewise.taken).toEqual(whole.taken)
  })

  it('streams a packet of more than 16 MB without gathering it', () => {
    const recorder = new Recorder(100)
    const all = wire(byte(1, MAX_PACKET_PAYLOAD + 10))
    for (let at = 0; at < all.length; at += 65_536) recorder.framer.feed(all.subarray(at, at + 65_536))
    expect(recorder.written.equals(all)).toBe(true)
    expect(recorder.framer.physicalPackets).toBe(2)
    expect(recorder.framer.payloadBytes).toBe(MAX_PACKET_PAYLOAD + 10)
    expect(recorder.ended).toBe(1)
  })

  it('takes a packet of exactly 16 MB - 1, which an empty one ends, and passes it on as it came', () => {
    const recorder = new Recorder()
    const all = wire(byte(2, MAX_PACKET_PAYLOAD), byte(1, 1))
    all[all.length - 2] = 2 // the next packet's sequence id: the one before took 0 and 1
    recorder.framer.feed(all.subarray(0, 1000))
    recorder.framer.feed(all.subarray(1000))
    expect(recorder.taken[0]?.length).toBe(MAX_PACKET_PAYLOAD)
    expect(recorder.written.equals(all)).toBe(true)
  })

  it('refuses a packet that is larger than its limit before all of it is there', () => {
    const recorder = new Recorder(100)
    const head = Buffer.concat(framePacket(byte(2, 5000), 0)).subarray(0, 2000)
    expect(() => recorder.framer.feed(head)).toThrow('packet larger than 100 bytes')
  })

  it('refuses a sequence id that is out of order, and counts on after 255', () => {
    const recorder = new Recorder()
    expect(() => recorder.framer.feed(Buffer.concat(framePacket(byte(1, 1), 1)))).toThrow(
      'packet out of order: sequence id 1 where 0 was due',
    )
    const long = new Recorder()
    for (let i = 0; i < 600; i++) long.framer.feed(Buffer.concat(framePacket(byte(1, 1), i)))
    expect(long.ended).toBe(600)
  })

  it('pauses at the edge of a packet and goes on where it stopped', () => {
    const recorder = new Recorder()
    const all = wire(byte(1, 4), byte(1, 5), byte(1, 6))
    recorder.framer.feed(all.subarray(0, 6))
    recorder.framer.pause()
    recorder.framer.feed(all.subarray(6, 12))
    recorder.framer.feed(all.subarray(12))
    expect(recorder.ended).toBe(1)
    expect(recorder.framer.backlogged).toBe(true)
    recorder.framer.resume()
    expect(recorder.framer.backlogged).toBe(false)
    expect(recorder.written).toEqual(all)
  })

  it('never throws anything but WireError, and never hangs, on arbitrary bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }),
        fc.integer({ min: 0, max: 8 }),
        (chunks, peek) => {
          const recorder = new Recorder(1000, peek)
          recorder.framer.expected = undefined
          try {
            for (const chunk of chunks) recorder.framer.feed(Buffer.from(chunk))
          } catch (error) {
            expect(error).toBeInstanceOf(WireError)
          }
        },
      ),
    )
  })
})

describe('framePacket', () => {
  it('cuts at 16 MB - 1, and ends a full packet with an empty one', () => {
    expect(framePacket(Buffer.from('ab'), 7)).toEqual([Buffer.from([2, 0, 0, 7]), Buffer.from('ab')])
    const full = framePacket(byte(1, MAX_PACKET_PAYLOAD), 255)
    expect(full.map((part) => part.length)).toEqual([4, MAX_PACKET_PAYLOAD, 4])
    expect(full[2]).toEqual(Buffer.from([0, 0, 0, 0]))
    expect(physicalPackets(MAX_PACKET_PAYLOAD)).toBe(2)
    expect(physicalPackets(MAX_PACKET_PAYLOAD - 1)).toBe(1)
  })
})
