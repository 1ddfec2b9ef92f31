export { decodeErrorFields, type ErrorFields, encodeErrorResponse } from './error.js'
