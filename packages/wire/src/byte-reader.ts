import { WireError } from './wire-error.js'

/** A cursor over one frame's bytes. Every read is checked against the end; past it a `WireError` is thrown. Copies nothing. */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  /** Where the next read begins, in the buffer that was handed in. */
  get offset(): number {
    return this.#at
  }

  uint8(): number {
    return this.#bytes[this.#advance(1)]!
  }

  int16be(): number {
    return this.#bytes.readInt16BE(this.#advance(2))
  }

  uint16be(): number {
    return this.#bytes.readUInt16BE(this.#advance(2))
  }

  int32be(): number {
    return this.#bytes.readInt32BE(this.#advance(4))
  }

  uint32be(): number {
    return this.#bytes.readUInt32BE(this.#advance(4))
  }

  uint16le(): number {
    return this.#bytes.readUInt16LE(this.#advance(2))
  }

  uint24le(): number {
    return this.#bytes.readUIntLE(this.#advance(3), 3)
  }

  uint32le(): number {
    return this.#bytes.readUInt32LE(this.#advance(4))
  }

  uint64le(): bigint {
    return this.#bytes.readBigUInt64LE(this.#advance(8))
  }

  /** The next `length` bytes as a view, not a copy. */
  bytes(length: number): Buffer {
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** Bytes up to a NUL, which is consumed and left out. */
  untilNul(): Buffer {
    const nul = this.#bytes.indexOf(0, this.#at)
    if (nul < 0 || nul >= this.#end) throw new WireError('string without terminating NUL')
    const view = this.#bytes.subarray(this.#at, nul)
    this.#at = nul + 1
    return view
  }

  /** All bytes that are left. */
  rest(): Buffer {
    return this.bytes(this.remaining)
  }

  skip(length: number): void {
    this.#advance(length)
  }

  /** Throws unless everything was read. */
  finish(): void {
    if (this.#at !== this.#end) throw new WireError(`${this.#end - this.#at} bytes too many in the message`)
  }

  #advance(length: number): number {
    const at = this.#at
    if (length < 0 || length > this.#end - at) throw new WireError('message ends before its content')
    this.#at = at + length
    return at
  }
}
