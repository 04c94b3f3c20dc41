// The eight bytes in front of every message: "MH", version, type, CRC32 of the body (little-endian).
// In: a body. Out: the same body, or a MessageError; never a part of it.
import { crc32 } from 'node:zlib'
import { joinChecksums } from './checksum.js'
import { isWithin, VERSIONS, type VersionRange, versionsText } from './version.js'

export const HEADER_BYTES = 8
const MAGIC_0 = 0x4d
const MAGIC_1 = 0x48

/** The types of messages, by the byte that stands for them. */
export const MESSAGE_TYPES = {
  task: 1,
  report: 2,
  beat: 3,
  broadcast: 4,
  blobRequest: 5,
  blobChunk: 6,
  part: 7,
  jobSpec: 8,
  bundle: 9,
  items: 10,
  reports: 11,
} as const
export type MessageType = keyof typeof MESSAGE_TYPES

/** A message that cannot be read; it is counted and dropped, never applied in part. */
export class MessageError extends Error {
  override readonly name: string = 'MessageError'
}

/** A message in a version that this side does not read: meant for others. */
export class VersionError extends MessageError {
  override readonly name = 'VersionError'
}

export const wrap = (type: MessageType, body: Uint8Array, version: number = VERSIONS.newest): Uint8Array => {
  const message = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength)
  message.set(body, HEADER_BYTES)
  return seal(type, message, version)
}

/**
 * Large messages that were made in this process. One that comes back as the very same memory went through no wire, and nobody
 * writes to what was handed to a transport: its checksum could only say again what it said.
 */
const made = new WeakSet<Uint8Array>()
const LARGE_BYTES = 64 * 1024

/**
 * Writes the eight bytes in front of a body that stands in its place already, so that a large one is not copied. `tail`: the
 * checksum of the body's last bytes where it is known.
 */
export const seal = (
  type: MessageType,
  message: Buffer,
  version: number,
  tail?: { readonly checksum: number; readonly bytes: number },
): Uint8Array => {
  message[0] = MAGIC_0
  message[1] = MAGIC_1
  message[2] = version
  message[3] = MESSAGE_TYPES[type]
  const front = crc32(message.subarray(HEADER_BYTES, message.byteLength - (tail?.bytes ?? 0)))
  message.writeUInt32LE(tail === undefined ? front : joinChecksums(front, tail.checksum, tail.bytes), 4)
  if (message.byteLength >= LARGE_BYTES) made.add(message)
  return message
}

const checksumOf = (message: Uint8Array): number =>
  ((message[4] as number) |
    ((message[5] as number) << 8) |
    ((message[6] as number) << 16) |
    ((message[7] as number) << 24)) >>>
  0

export const unwrap = (type: MessageType, message: Uint8Array, versions: VersionRange = VERSIONS): Uint8Array => {
  if (message.byteLength < HEADER_BYTES)
    throw new MessageError(`a message of ${message.byteLength} bytes has no envelope`)
  if (message[0] !== MAGIC_0 || message[1] !== MAGIC_1) throw new MessageError('not a manyhands message')
  const version = versionOf(message)
  if (!isWithin(version, versions))
    throw new VersionError(`version ${version}; this side reads ${versionsText(versions)}`)
  if (message[3] !== MESSAGE_TYPES[type]) throw new MessageError(`type ${message[3]} where ${type} was expected`)
  const body = message.subarray(HEADER_BYTES)
  if (!made.has(message) && crc32(body) !== checksumOf(message))
    throw new MessageError('the checksum does not match the body')
  return body
}

/** The version that a message says it is written in; it may still be damaged. */
export const versionOf = (message: Uint8Array): number => message[2] ?? 0

/** Whether a message says that it is of this type; it may still be damaged. */
export const isOfType = (type: MessageType, message: Uint8Array): boolean => message[3] === MESSAGE_TYPES[type]
