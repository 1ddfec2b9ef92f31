/**
 * The entry of a parser thread: reads one text a message, with the slow witnesses. An exception that is not an analysis'
 * own ends the thread, and with it a parser that may be broken; the pool starts another.
 */
import { parentPort } from 'node:worker_threads'
import { openReader } from './reader.js'
import type { ReadingRequest } from './reading.js'

const port = parentPort
if (!port) throw new Error('parse-worker runs as a worker thread only')

const reader = openReader()
port.on('message', async (request: ReadingRequest) => {
  await reader.load(request.mode.dialect)
  port.postMessage('reading')
  const text = Buffer.from(request.text.buffer, request.text.byteOffset, request.text.byteLength)
  port.postMessage(
    request.prepared ? reader.read(text, request.mode, { thorough: true }) : reader.readRaw(text, request.mode),
  )
})
port.postMessage('ready')
