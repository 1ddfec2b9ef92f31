import { createPublicKey, type KeyObject } from 'node:crypto'
import { SluiceError } from '@sluice/domain'
import { cachingSha2Response, encryptPassword, nativePasswordResponse } from '@sluice/identity'
import { WireError } from '@sluice/wire'
import {
  type AuthSwitchRequest,
  CACHING_SHA2,
  type ErrPacket,
  encodeClearPassword,
  NONCE_BYTES,
} from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import type { Target } from '../protocol.js'

const REQUEST_PUBLIC_KEY = Buffer.of(CACHING_SHA2.requestPublicKey)

/**
 * Proves the gateway's credential to a server, which is not trusted: the password itself goes over TLS, or encrypted with
 * the server's key where the operator switched TLS off, and each step is taken once.
 */
export class ServerAuthentication {
  plugin: string
  #nonce: Buffer
  #step: 'answered' | 'asked for the key' | 'sent in full' = 'answered'
  #switched = false
  readonly #channel: Channel
  readonly #target: Target

  constructor(channel: Channel, target: Target, plugin: string, nonce: Buffer) {
    this.#channel = channel
    this.#target = target
    this.plugin = plugin
    this.#nonce = nonce
  }

  /** The answer to the challenge at hand. Throws `upstream_refused` for a plugin that the gateway does not speak. */
  respond(): Buffer {
    const password = this.#target.password.reveal()
    switch (this.plugin) {
      case 'caching_sha2_password':
        return cachingSha2Response(password, this.#checkedNonce())
      case 'mysql_native_password':
        return nativePasswordResponse(password, this.#checkedNonce())
      case 'mysql_clear_password':
        if (!this.#channel.tls) throw notInTheClear()
        return encodeClearPassword(password)
      default:
        throw refused(`the server asks for the auth plugin \`${this.plugin}\`, which is not supported`)
    }
  }

  /** The answer to an AuthSwitchRequest; a second one is refused. */
  switchTo(request: AuthSwitchRequest): Buffer {
    if (this.#switched) throw new WireError('second switch of the auth plugin')
    this.#switched = true
    this.plugin = request.plugin
    this.#nonce = request.nonce
    this.#step = 'answered'
    return this.respond()
  }

  /** The answer to an AuthMoreData; undefined: none is due. */
  more(data: Buffer): Buffer | undefined {
    if (this.plugin !== 'caching_sha2_password') throw new WireError('more auth data than its plugin has')
    if (this.#step === 'asked for the key') {
      this.#step = 'sent in full'
      return encryptPassword(this.#target.password.reveal(), this.#nonce, readKey(data))
    }
    if (this.#step === 'answered' && data.length === 1) {
      if (data[0] === CACHING_SHA2.fastSuccess) return undefined
      if (data[0] === CACHING_SHA2.fullAuthentication) return this.#inFull()
    }
    throw new WireError('auth data that has no place here')
  }

  #inFull(): Buffer {
    if (this.#channel.tls) {
      this.#step = 'sent in full'
      return encodeClearPassword(this.#target.password.reveal())
    }
    // Somebody between could put in a key of theirs: the operator accepted as much with `tls: off`.
    if (this.#target.tls) throw notInTheClear()
    this.#step = 'asked for the key'
    return REQUEST_PUBLIC_KEY
  }

  #checkedNonce(): Buffer {
    if (this.#nonce.length !== NONCE_BYTES) throw new WireError(`challenge of ${this.#nonce.length} bytes`)
    return this.#nonce
  }
}

function readKey(pem: Buffer): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    throw new WireError('public key that is none')
  }
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType !== 'rsa' || modulusLength < 2048) throw new WireError('public key that is too weak')
  return key
}

/** The server's no. Its words name the credential's user and our address: they are for the log alone. */
export function loginRefusal({ errno, message }: ErrPacket): SluiceError {
  return refused(`the server refused the login: ${message} (${errno})`)
}

function notInTheClear(): SluiceError {
  return refused('the server asks for the password in the clear, on a connection without tls')
}

function refused(message: string): SluiceError {
  return new SluiceError('upstream_refused', message, {
    clientMessage: 'the database refused the login of the gateway',
    hint: 'ask the operator of the gateway',
  })
}
