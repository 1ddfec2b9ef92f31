import { type Identity, SluiceError } from '@sluice/domain'
import { type ScramMechanism, ScramServer, type UserRecord } from '@sluice/identity'
import {
  decodeSaslInitialResponse,
  encodeAuthenticationRequest,
  MAXIMUM_SASL_BYTES,
  type SaslInitialResponse,
} from '@sluice/wire/postgres'
import type { Channel } from '../channel.js'
import type { LoginServices } from '../protocol.js'
import type { PostgresHello } from './greet.js'
import { asProtocolViolation } from './wire-violation.js'

const RESPONSE = 0x70 // 'p': PasswordMessage, SASLInitialResponse and SASLResponse share it

/**
 * Makes the client prove that it is the user it says: by the certificate that logs this user in, else by SCRAM-SHA-256, with channel
 * binding where TLS has one. An unknown user gets the same challenge, time and answer as a wrong password.
 */
export async function authenticate(channel: Channel, hello: PostgresHello, services: LoginServices): Promise<Identity> {
  const { record, known } = services.users.findOrDecoy(hello.user)
  const { certificate } = record
  if (known && certificate !== undefined && channel.tls?.clientCommonName === certificate) {
    return identityOf(record, 'certificate')
  }
  try {
    const mechanism = await exchangeScram(channel, record, known)
    return identityOf(record, mechanism === 'SCRAM-SHA-256-PLUS' ? 'scram-sha-256-plus' : 'scram-sha-256')
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'authentication_failed') throw error
    throw new SluiceError('authentication_failed', `login of user \`${hello.user}\` failed: ${error.message}`, {
      clientMessage: `password authentication failed for user "${hello.user}"`,
    })
  }
}

async function exchangeScram(channel: Channel, record: UserRecord, known: boolean): Promise<ScramMechanism> {
  const channelBinding = channel.tls?.serverEndPoint
  const mechanisms: ScramMechanism[] = channelBinding ? ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] : ['SCRAM-SHA-256']
  channel.write(encodeAuthenticationRequest({ type: 'sasl', mechanisms }))

  const choice = await readChoice(channel)
  const mechanism = mechanisms.find((offered) => offered === choice.mechanism)
  if (!mechanism) throw new SluiceError('protocol_violation', 'the client chose a SASL mechanism that was not offered')
  const server = new ScramServer({ verifier: record.scram, known, mechanism, channelBinding })
  let clientFirst = choice.data
  if (!clientFirst) {
    channel.write(encodeAuthenticationRequest({ type: 'sasl-continue', data: Buffer.alloc(0) }))
    clientFirst = await readResponse(channel)
  }
  channel.write(encodeAuthenticationRequest({ type: 'sasl-continue', data: server.first(clientFirst) }))
  const serverFinal = server.final(await readResponse(channel))
  channel.write(encodeAuthenticationRequest({ type: 'sasl-final', data: serverFinal }))
  return mechanism
}

async function readChoice(channel: Channel): Promise<SaslInitialResponse> {
  const content = await readResponse(channel)
  return asProtocolViolation(() => decodeSaslInitialResponse(content))
}

async function readResponse(channel: Channel): Promise<Buffer> {
  const header = await channel.read(5)
  if (header[0] !== RESPONSE)
    throw new SluiceError('protocol_violation', 'the client sent no answer to the SASL challenge')
  const length = header.readUInt32BE(1) - 4
  if (length < 0 || length > MAXIMUM_SASL_BYTES) {
    throw new SluiceError('protocol_violation', 'the client sent a SASL message of an impossible length')
  }
  return channel.read(length)
}

function identityOf(record: UserRecord, method: Identity['method']): Identity {
  return { user: record.name, groups: record.groups, method }
}
