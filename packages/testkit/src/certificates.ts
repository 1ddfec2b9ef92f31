import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { temporaryFolder } from './workspace.js'

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** A fresh CA and a certificate for `localhost` and 127.0.0.1 that it signed (or a client's, for a common name). */
export async function makeCertificates(commonName = 'localhost'): Promise<Certificates> {
  const folder = temporaryFolder('tls')
  const ca = await generate([{ name: 'commonName', value: 'sluice test ca' }], {
    keySize: 2048,
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return signedBy(ca, commonName, folder)
}

async function signedBy(
  ca: { private: string; cert: string },
  commonName: string,
  folder: string,
): Promise<Certificates> {
  const leaf = await generate([{ name: 'commonName', value: commonName }], {
    keySize: 2048,
    algorithm: 'sha256',
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  return {
    ca: file('ca.crt', ca.cert),
    certificate: file('server.crt', leaf.cert),
    key: file('server.key', leaf.private),
  }
}
