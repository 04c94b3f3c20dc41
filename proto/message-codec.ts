// The only door between domain types and bytes: everything that travels goes in and out by a codec that is made here.
// In: a domain value, or the bytes of one. Out: bytes, or a domain value that is whole and consistent; anything else is a
// MessageError. Packed values come last in their message and are copied once, into it; out of it they are views. Nothing is
// boxed.
import { type BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'
import { rememberedChecksum } from './checksum.js'
import { HEADER_BYTES, MessageError, type MessageType, seal, unwrap, wrap } from './envelope.js'
import type * as wire from './gen/wire.js'
import type { Items } from './items.js'
import { beforeValues, bytesOfItems, hasBytes, itemsToWire } from './items-codec.js'
import type { BlobRef } from './shard.js'
import { VERSIONS, type VersionRange } from './version.js'

interface WireType<W> {
  encode(message: W, writer?: BinaryWriter): BinaryWriter
  decode(input: BinaryReader | Uint8Array, length?: number): W
}

export interface Codec<T> {
  /** `version`: one that whoever is to read it reads. */
  encode(value: T, version?: number): Uint8Array
  /** Throws MessageError for whatever is not one whole message of this type, in one of the versions that this side reads. */
  decode(message: Uint8Array, versions?: VersionRange): T
}

/** The items of a message, and the number of their field; none where the message is the items. */
interface Last<T> {
  readonly field: number | undefined
  items(value: T): Items | BlobRef
}

/** `last`: what `to` leaves out where it has bytes. */
export const codec = <T, W>(
  type: MessageType,
  shape: WireType<W>,
  to: (value: T) => W,
  from: (message: W) => T,
  last?: Last<T>,
): Codec<T> => ({
  encode: (value, version = VERSIONS.newest) => {
    const body = encodeBody(shape, to(value))
    const items = last?.items(value)
    return items !== undefined && hasBytes(items)
      ? withValues(type, version, body, last?.field, items)
      : wrap(type, body, version)
  },
  decode: (message, versions = VERSIONS) => {
    const body = unwrap(type, message, versions)
    try {
      return from(shape.decode(body))
    } catch (error) {
      throw error instanceof MessageError ? error : new MessageError(`${type}: ${(error as Error).message}`)
    }
  },
})

// Nearly all messages are small and many: the memory in which they are put together is used again.
let spare: BinaryWriter | undefined
const SMALL_BYTES = 4096

const encodeBody = <W>(shape: WireType<W>, message: W): Uint8Array => {
  const writer = spare ?? new BinaryWriter()
  // One that throws half-way is not used again, nor one that has grown.
  spare = undefined
  const body = shape.encode(message, writer).finish()
  if (body.byteLength <= SMALL_BYTES) spare = writer
  return body
}

const withValues = (
  type: MessageType,
  version: number,
  body: Uint8Array,
  field: number | undefined,
  items: Items,
): Uint8Array => {
  const bytes = bytesOfItems(items)
  const at = HEADER_BYTES + body.byteLength
  const before = beforeValues(field, items, bytes.byteLength, at)
  const message = Buffer.allocUnsafe(at + before.length + bytes.byteLength)
  message.set(body, HEADER_BYTES)
  message.set(before, at)
  message.set(bytes, at + before.length)
  const checksum = rememberedChecksum(items)
  return seal(type, message, version, checksum === undefined ? undefined : { checksum, bytes: bytes.byteLength })
}

/** Left out where the values come last. */
export const headOf = (items: Items | BlobRef): wire.Items | undefined =>
  hasBytes(items) ? undefined : itemsToWire(items)

export const big = (value: number): bigint => BigInt(value)

export const oneOf = <T>(table: readonly (T | undefined)[], code: number, what: string): T => {
  const value = table[code]
  if (value === undefined) throw new MessageError(`unknown ${what} ${code}`)
  return value
}

export const seconds = (value: number): number => {
  if (!(value >= 0 && Number.isFinite(value))) throw new MessageError(`${value} is not a duration`)
  return value
}
