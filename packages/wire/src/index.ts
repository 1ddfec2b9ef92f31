export { ByteReader } from './byte-reader.js'
export { WireError } from './wire-error.js'
