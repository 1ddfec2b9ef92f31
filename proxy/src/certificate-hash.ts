import { createHash } from 'node:crypto'

/** Signature algorithm OIDs (DER content, hex) to the hash that RFC 5929 section 4.1 wants; MD5 and SHA-1 become SHA-256. */
const HASHES: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSAEncryption
  '2a864886f70d010105': 'sha256', // sha1WithRSAEncryption
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
}

/**
 * The `tls-server-end-point` channel binding of a certificate in DER (RFC 5929 section 4), or undefined where the
 * signature names no single hash (RSASSA-PSS, Ed25519): channel binding is then not offered.
 */
export function certificateHash(der: Buffer): Buffer | undefined {
  // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { algorithm OID, ... }, ... }
  const certificate = element(der, 0)
  const tbs = certificate && element(der, certificate.content)
  const algorithm = tbs && element(der, tbs.end)
  const oid = algorithm && element(der, algorithm.content)
  if (oid?.tag !== 0x06) return undefined
  const hash = HASHES[der.subarray(oid.content, oid.end).toString('hex')]
  return hash === undefined ? undefined : createHash(hash).update(der).digest()
}

/** One DER element at `at`: its tag and where its content begins and ends. Undefined where the bytes do not hold one. */
function element(der: Buffer, at: number): { tag: number; content: number; end: number } | undefined {
  const tag = der[at]
  const first = der[at + 1]
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return bounded(der, tag, at + 2, first)
  const octets = first & 0x7f
  if (octets < 1 || octets > 4 || at + 2 + octets > der.length) return undefined
  return bounded(der, tag, at + 2 + octets, der.readUIntBE(at + 2, octets))
}

function bounded(der: Buffer, tag: number, content: number, length: number) {
  return content + length > der.length ? undefined : { tag, content, end: content + length }
}
