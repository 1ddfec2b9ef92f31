import { WireError } from '../wire-error.js'
import { HEADER_BYTES, MAX_PACKET_PAYLOAD } from './limits.js'

/** What to do with a packet: pass its bytes on as they come, take it whole, or skip it. */
export type Disposition = 'pass' | 'take' | 'drop'

/** Whoever reads packets. A packet here is a logical one: physical packets of 16 MB - 1 and what follows them are one. */
export interface PacketSink {
  /**
   * A packet begins. `bytes[start]` and on are the first bytes of its payload, as many as were asked to peek at, or all
   * where it is shorter; `length` is the payload length of its first physical packet. Must not write to anyone.
   */
  begin(bytes: Buffer, start: number, length: number): Disposition
  /** A packet that was passed or dropped is over, or an empty one was. Must not write to anyone. */
  passed?(): void
  /**
   * A taken packet: its payload is `bytes[start, end)`, and where it came as one physical packet, its header is before it.
   * True: pass it on as it came. Before writing anything itself the sink calls `flush`, to keep the order.
   */
  packet(bytes: Buffer, start: number, end: number): boolean
  /** Bytes to pass on as they are. */
  pass(bytes: Buffer): void
}

/**
 * Cuts one direction of a MySQL connection into packets, a chunk at a time, and checks their sequence ids. A run of packets
 * that nobody wants to see goes on as one view of the chunk. `pause` takes effect at the next packet's edge; bytes that
 * arrive after it are kept until `resume`. Throws `WireError` from `feed` and `resume`; then nothing more can be read.
 */
export class PacketFramer {
  /** The sequence id that the next physical packet must have; undefined: any. */
  expected: number | undefined = 0
  readonly #sink: PacketSink
  readonly #peek: number
  readonly #limit: number
  readonly #head: Buffer
  #headLength = 0
  #left = 0
  #inside = false
  #continues = false
  #disposition: Disposition = 'pass'
  #parts: Buffer[] = []
  #taken = 0
  #physical = 0
  #payload = 0
  #paused = false
  #backlog: Buffer[] = []
  #chunk: Buffer = Buffer.alloc(0)
  #run = 0
  #runEnd = 0

  /** `peek`: bytes of a payload that `begin` wants to see; `limit`: bytes of a taken packet's payload. */
  constructor(sink: PacketSink, options: { readonly peek: number; readonly limit: number }) {
    this.#sink = sink
    this.#peek = options.peek
    this.#limit = options.limit
    this.#head = Buffer.alloc(HEADER_BYTES + options.peek)
  }

  /** Whether the next byte is a packet's first: nothing of a packet has been passed on without its end. */
  get atPacketEdge(): boolean {
    return !this.#inside
  }

  /** Whether bytes wait for `resume`, or a packet has begun. */
  get waiting(): boolean {
    return this.#backlog.length > 0 || this.#headLength > 0 || this.#inside
  }

  /** Whether whole chunks are kept because the framer is paused. */
  get backlogged(): boolean {
    return this.#backlog.length > 0
  }

  /** How many physical packets the packet at hand came in. */
  get physicalPackets(): number {
    return this.#physical
  }

  /** Payload bytes of the packet at hand, as far as its headers have arrived. */
  get payloadBytes(): number {
    return this.#payload
  }

  pause(): void {
    this.#paused = true
  }

  /** Goes on after `pause` with what was kept. */
  resume(): void {
    this.#paused = false
    while (!this.#paused && this.#backlog.length > 0) {
      const [chunk, ...later] = this.#backlog
      this.#backlog = []
      this.#read(chunk!)
      this.#backlog.push(...later)
    }
  }

  /** Takes away the bytes that were kept. */
  takeBacklog(): Buffer {
    const kept = Buffer.concat(this.#backlog)
    this.#backlog = []
    return kept
  }

  feed(chunk: Buffer): void {
    if (this.#backlog.length > 0) this.#backlog.push(chunk)
    else this.#read(chunk)
  }

  /** Hands what lies before the packet at hand to `pass`. */
  flush(): void {
    if (this.#runEnd > this.#run) this.#sink.pass(this.#chunk.subarray(this.#run, this.#runEnd))
    this.#run = this.#runEnd
  }

  #read(chunk: Buffer): void {
    this.#chunk = chunk
    this.#run = 0
    this.#runEnd = 0
    const length = chunk.length
    let at = 0
    while (at < length) {
      if (this.#inside) {
        at = this.#body(chunk, at)
      } else if (this.#paused && this.#headLength === 0 && !this.#continues) {
        this.#backlog.push(chunk.subarray(at))
        break
      } else if (this.#headLength > 0 || !this.#headFits(chunk, at)) {
        at = this.#gatherHead(chunk, at)
      } else {
        at = this.#packet(chunk, at)
      }
    }
    this.flush()
  }

  #headFits(chunk: Buffer, at: number): boolean {
    const available = chunk.length - at
    if (available < HEADER_BYTES) return false
    if (this.#continues) return true
    const length = chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16)
    return available >= HEADER_BYTES + Math.min(length, this.#peek)
  }

  /** A header that lies in the chunk, with all that is to be peeked at. Returns where to read on. */
  #packet(chunk: Buffer, at: number): number {
    const length = chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16)
    this.#checkSequence(chunk[at + 3]!)
    const start = at + HEADER_BYTES
    if (this.#continues) {
      this.#continues = length === MAX_PACKET_PAYLOAD
      this.#physical++
      this.#payload += length
      if (this.#disposition === 'pass') this.#runEnd = start
      else this.#skipTo(start)
      this.#left = length
      this.#inside = true
      if (length === 0) this.#bodyEnds()
      return start
    }
    this.#physical = 1
    this.#payload = length
    this.#disposition = this.#sink.begin(chunk, start, length)
    const end = start + length
    if (length === MAX_PACKET_PAYLOAD || end > chunk.length) {
      this.#continues = length === MAX_PACKET_PAYLOAD
      this.#left = length
      this.#inside = true
      if (this.#disposition === 'pass') this.#runEnd = start
      else this.#keep(chunk, at, start)
      return start
    }
    if (this.#disposition === 'pass') {
      this.#runEnd = end
      this.#sink.passed?.()
    } else if (this.#disposition === 'take') {
      if (length > this.#limit) throw tooLarge(this.#limit)
      if (this.#sink.packet(chunk, start, end)) this.#runEnd = end
      else this.#skipTo(end)
    } else {
      this.#skipTo(end)
      this.#sink.passed?.()
    }
    return end
  }

  /** A header, or what is to be peeked at after it, is cut by the chunk's end. */
  #gatherHead(chunk: Buffer, from: number): number {
    const head = this.#head
    let at = from
    let needed = HEADER_BYTES
    while (true) {
      if (this.#headLength >= HEADER_BYTES) {
        needed = HEADER_BYTES + (this.#continues ? 0 : Math.min(this.#peek, head.readUIntLE(0, 3)))
        if (this.#headLength >= needed) break
      }
      if (at >= chunk.length) {
        this.#skipTo(at)
        return at
      }
      head[this.#headLength++] = chunk[at++]!
    }
    this.#skipTo(at)
    this.#headLength = 0
    const length = head.readUIntLE(0, 3)
    this.#checkSequence(head[3]!)
    const own = Buffer.from(head.subarray(0, needed))
    if (this.#continues) {
      this.#physical++
      this.#payload += length
    } else {
      this.#physical = 1
      this.#payload = length
      this.#disposition = this.#sink.begin(own, HEADER_BYTES, length)
      if (this.#disposition === 'take') this.#keep(own, 0, HEADER_BYTES)
    }
    const peeked = needed - HEADER_BYTES
    if (this.#disposition === 'pass') this.#sink.pass(own)
    else if (this.#disposition === 'take' && peeked > 0) this.#gather(own.subarray(HEADER_BYTES))
    this.#continues = length === MAX_PACKET_PAYLOAD
    this.#left = length - peeked
    this.#inside = true
    if (this.#left === 0) this.#bodyEnds()
    return at
  }

  #body(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    this.#left -= end - at
    if (this.#disposition === 'pass') {
      this.#runEnd = end
    } else {
      if (this.#disposition === 'take') this.#gather(chunk.subarray(at, end))
      this.#skipTo(end)
    }
    if (this.#left === 0) this.#bodyEnds()
    return end
  }

  /** A physical packet is over. */
  #bodyEnds(): void {
    this.#inside = false
    if (this.#continues) return
    if (this.#disposition !== 'take') {
      this.#sink.passed?.()
      return
    }
    const bytes = Buffer.concat(this.#parts)
    this.#parts = []
    this.#taken = 0
    if (this.#sink.packet(bytes, HEADER_BYTES, bytes.length)) {
      this.flush()
      for (const frame of this.#frames(bytes)) this.#sink.pass(frame)
    }
  }

  /** A taken packet's bytes as they came: its header is the first one, so the later ones are made anew. */
  #frames(bytes: Buffer): Buffer[] {
    if (this.#physical === 1) return [bytes]
    return framePacket(bytes.subarray(HEADER_BYTES), bytes[3]!)
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    if (this.#disposition === 'take') this.#parts = [bytes.subarray(from, to)]
    this.#taken = 0
    if (bytes === this.#chunk) this.#skipTo(to)
  }

  #gather(bytes: Buffer): void {
    this.#taken += bytes.length
    if (this.#taken > this.#limit) throw tooLarge(this.#limit)
    this.#parts.push(bytes)
  }

  /** Ends the run before the packet at hand; the next one begins at `at`. */
  #skipTo(at: number): void {
    this.flush()
    this.#run = at
    this.#runEnd = at
  }

  #checkSequence(id: number): void {
    if (this.expected !== undefined && id !== this.expected) {
      throw new WireError(`packet out of order: sequence id ${id} where ${this.expected} was due`)
    }
    this.expected = (id + 1) & 0xff
  }
}

function tooLarge(limit: number): WireError {
  return new WireError(`packet larger than ${limit} bytes`)
}

/** A payload with its header, or headers where it does not fit in one physical packet. */
export function framePacket(payload: Buffer, sequence: number): Buffer[] {
  const parts: Buffer[] = []
  let id = sequence
  for (let at = 0; ; at += MAX_PACKET_PAYLOAD) {
    const body = payload.subarray(at, at + MAX_PACKET_PAYLOAD)
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    header.writeUIntLE(body.length, 0, 3)
    header[3] = id++ & 0xff
    parts.push(header)
    if (body.length > 0) parts.push(body)
    if (body.length < MAX_PACKET_PAYLOAD) return parts
  }
}

/** How many physical packets a payload of this length takes. */
export function physicalPackets(length: number): number {
  return Math.floor(length / MAX_PACKET_PAYLOAD) + 1
}
