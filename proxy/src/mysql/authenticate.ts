import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { type AuthenticationMethod, type Identity, SluiceError } from '@sluice/domain'
import {
  cachingSha2Digest,
  checkCachingSha2,
  checkNativePassword,
  decryptPassword,
  type UserRecord,
  verifyPassword,
} from '@sluice/identity'
import { CACHING_SHA2, decodeClearPassword, encodeAuthMoreData, encodeAuthSwitchRequest } from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import type { LoginServices } from '../protocol.js'
import { freshNonce, type MysqlHello } from './greet.js'
import { asClientFault } from './packet-channel.js'

/**
 * Makes the client prove its password, or takes its certificate. An unknown user sees the same packets, takes the same time
 * and gets the same answer as one with a wrong password.
 */
export async function authenticate(channel: Channel, hello: MysqlHello, services: LoginServices): Promise<Identity> {
  const { record, known } = services.users.findOrDecoy(hello.user)
  const login = new ClientLogin(channel, hello, services, record, known)
  let method: AuthenticationMethod | undefined
  try {
    method = await login.prove()
  } catch (error) {
    throw asClientFault(error)
  }
  if (method === undefined || !known) {
    const given = login.passwordGiven ? 'YES' : 'NO'
    throw new SluiceError('authentication_failed', `login of \`${hello.user}\` from ${channel.address} failed`, {
      clientMessage: `Access denied for user '${hello.login}'@'${channel.address}' (using password: ${given})`,
    })
  }
  return { user: record.name, groups: record.groups, method }
}

/** One client's way through the auth plugins. Every step tells at most: not proved. */
class ClientLogin {
  passwordGiven: boolean
  readonly #channel: Channel
  readonly #hello: MysqlHello
  readonly #services: LoginServices
  readonly #record: UserRecord
  readonly #known: boolean

  constructor(channel: Channel, hello: MysqlHello, services: LoginServices, record: UserRecord, known: boolean) {
    this.#channel = channel
    this.#hello = hello
    this.#services = services
    this.#record = record
    this.#known = known
    this.passwordGiven = hello.authResponse.reveal().length > 0
  }

  async prove(): Promise<AuthenticationMethod | undefined> {
    const { authPlugin, nonce } = this.#hello
    const authResponse = this.#hello.authResponse.reveal()
    if (authPlugin === 'caching_sha2_password') return this.#cachingSha2(authResponse, nonce)
    if (this.#certified) return this.#certificateOnly(authPlugin)
    if (authPlugin === 'mysql_clear_password' && this.#channel.tls) {
      return (await this.#verify(decodeClearPassword(authResponse))) ? 'mysql_clear_password' : undefined
    }
    if (authPlugin === 'mysql_native_password' || authPlugin === undefined) {
      if (authResponse.length > 0 && this.#native(authResponse, nonce)) return 'mysql_native_password'
      if (authPlugin === undefined) return undefined // too old to be asked for another plugin
      // Nothing was answered: the client waits for a challenge of its own plugin.
      if (authResponse.length === 0 && this.#record.nativePassword) return this.#nativeAnew()
    }
    // Also after a wrong native answer, so that nobody learns who has a native verifier.
    const fresh = freshNonce()
    return this.#cachingSha2(await this.#switchTo('caching_sha2_password', fresh), fresh)
  }

  /** The client's certificate, signed by our client CA, is the one that logs this user in. */
  get #certified(): boolean {
    const { certificate } = this.#record
    return this.#known && certificate !== undefined && this.#channel.tls?.clientCommonName === certificate
  }

  async #certificateOnly(authPlugin: string | undefined): Promise<AuthenticationMethod> {
    if (authPlugin !== undefined && authPlugin !== 'mysql_clear_password') {
      const response = await this.#switchTo('caching_sha2_password', freshNonce())
      if (!isEmpty(response)) this.#more(Buffer.of(CACHING_SHA2.fastSuccess))
    }
    return 'certificate'
  }

  #native(response: Buffer, nonce: Buffer): boolean {
    // Without a verifier the same work is done, against one that nothing fits.
    return checkNativePassword(response, nonce, this.#record.nativePassword ?? NO_VERIFIER)
  }

  async #nativeAnew(): Promise<AuthenticationMethod | undefined> {
    const nonce = freshNonce()
    const response = await this.#switchTo('mysql_native_password', nonce)
    return this.#native(response, nonce) ? 'mysql_native_password' : undefined
  }

  /** caching_sha2_password: the fast way for who proved the password before, else in full. */
  async #cachingSha2(response: Buffer, nonce: Buffer): Promise<AuthenticationMethod | undefined> {
    this.passwordGiven = !isEmpty(response)
    if (this.#certified) {
      if (this.passwordGiven) this.#more(Buffer.of(CACHING_SHA2.fastSuccess))
      return 'certificate'
    }
    if (!this.passwordGiven) return undefined // nobody has an empty password
    const digest = this.#services.users.fastVerifier(this.#record)
    if (digest && checkCachingSha2(response, nonce, digest)) {
      this.#more(Buffer.of(CACHING_SHA2.fastSuccess))
      return 'caching_sha2_password'
    }
    this.#more(Buffer.of(CACHING_SHA2.fullAuthentication))
    const password = await this.#passwordInFull(nonce)
    // What could not be decrypted costs as much as a wrong password: else the difference would tell of the padding.
    const proved = (await this.#verify(password ?? '')) && password !== undefined
    if (!proved) return undefined
    this.#services.users.rememberFastVerifier(this.#record, cachingSha2Digest(password))
    return 'caching_sha2_password'
  }

  async #passwordInFull(nonce: Buffer): Promise<string | undefined> {
    const { packets } = this.#hello
    let answer = await packets.read()
    if (this.#channel.tls) return decodeClearPassword(answer)
    const { privateKey, pem } = await exchangeKey()
    if (answer.length === 1 && answer[0] === CACHING_SHA2.requestPublicKey) {
      this.#more(pem)
      answer = await packets.read()
    }
    return decryptPassword(answer, nonce, privateKey)
  }

  async #verify(password: string): Promise<boolean> {
    return (await verifyPassword(this.#record.scram, password)) && this.#known
  }

  async #switchTo(plugin: 'caching_sha2_password' | 'mysql_native_password', nonce: Buffer): Promise<Buffer> {
    this.#hello.packets.write(encodeAuthSwitchRequest(plugin, nonce))
    const response = await this.#hello.packets.read()
    this.passwordGiven = !isEmpty(response)
    return response
  }

  #more(data: Buffer): void {
    this.#hello.packets.write(encodeAuthMoreData(data))
  }
}

const NO_VERIFIER = Buffer.alloc(20)

/** Some clients answer with a lone NUL where the password is empty. */
function isEmpty(response: Buffer): boolean {
  return response.length === 0 || (response.length === 1 && response[0] === 0)
}

interface ExchangeKey {
  readonly privateKey: KeyObject
  readonly pem: Buffer
}

let key: Promise<ExchangeKey> | undefined

/** The process's key for passwords sent without TLS, made when the first client needs it. */
function exchangeKey(): Promise<ExchangeKey> {
  key ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 }).then(({ publicKey, privateKey }) => ({
    privateKey,
    pem: Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })),
  }))
  return key
}
