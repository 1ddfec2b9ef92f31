import type { KeyObject } from 'node:crypto'
import { ChainedRecorder } from './chained-recorder.js'
import { JournalStore } from './journal-store.js'
import type { Recorder } from './recorder.js'
import { RedisStore } from './redis-store.js'
import { openSealKey } from './seal.js'
import { SpoolingStore } from './spooling-store.js'
import type { Store } from './store.js'

/** Where streams are kept: a URL of Redis, or a directory. */
export type StoreLocation = { readonly redis: string; readonly keyPrefix?: string } | { readonly journal: string }

export interface RecorderOptions {
  readonly store: StoreLocation
  /**
   * `strict`: an event is acknowledged when the store has it. `relaxed`: within some 20 ms, which a crash of the gateway
   * loses; while Redis is away, on disk in the spool.
   */
  readonly durability: 'strict' | 'relaxed'
  /** For what Redis cannot take now. A directory of this host's alone; its processes may share it. */
  readonly spoolDirectory: string
  /** Ed25519 private key, or its PEM file, which is made where it is missing. */
  readonly sealKey: KeyObject | string
  /** Told of what an operator should know, and when it is over: lower case, no final period, no secrets. */
  readonly onProblem: (message: string) => void
  /** Milliseconds that `strict` waits for the store; 2,000 unless told. */
  readonly acknowledgeWithin?: number
  /** Bytes of events that may wait in memory; 16 MiB unless told. */
  readonly memoryLimit?: number
}

/**
 * Opens the store and picks up what an earlier process could not write. A Redis that is away is no error: it is tried on.
 * Errors: `configuration_invalid`.
 */
export async function openRecorder(options: RecorderOptions): Promise<Recorder> {
  const key = await openSealKey(options.sealKey)
  const acknowledgeWithin = options.acknowledgeWithin ?? 2_000
  const store = await openStore(options, acknowledgeWithin)
  return new ChainedRecorder({
    store,
    strict: options.durability === 'strict',
    key,
    onProblem: options.onProblem,
    acknowledgeWithin,
    memoryLimit: options.memoryLimit ?? 16 * 1024 * 1024,
  })
}

async function openStore(options: RecorderOptions, timeout: number): Promise<Store> {
  const { store, durability, onProblem } = options
  if ('journal' in store) return JournalStore.open(store.journal, durability === 'strict')
  const { redis: url, keyPrefix } = store
  const redis = new RedisStore({ url, timeout, onProblem, ...(keyPrefix === undefined ? {} : { keyPrefix }) })
  const spooling = await SpoolingStore.open(redis, {
    directory: options.spoolDirectory,
    whileAway: durability === 'relaxed',
    onProblem,
  })
  await redis.connect()
  return spooling
}
