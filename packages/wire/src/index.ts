export { WireError } from './wire-error.js'
