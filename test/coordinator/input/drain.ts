// What an input gives, as values and messages in order; and sources of bytes for it.
import { Readable } from 'node:stream'
import { type ByteSource, streamSource } from '../../../coordinator/input/byte-source.js'
import type { Input } from '../../../coordinator/input/input.js'
import { countOf, unpackItems } from '../../../proto/items.js'

export type Got = { value: unknown } | { undecodable: string }

export const drain = async (input: Input, maxItems = 1000, maxBytes = 1e6): Promise<Got[]> => {
  const got: Got[] = []
  for (let batch = await input.next(maxItems, maxBytes); batch; batch = await input.next(maxItems, maxBytes)) {
    if ('undecodable' in batch) got.push(batch)
    else {
      if (countOf(batch.items) < 1 || countOf(batch.items) > maxItems)
        throw new Error(`a batch of ${countOf(batch.items)}`)
      got.push(...unpackItems(batch.items).map(value => ({ value })))
    }
  }
  await input.close()
  await input.close()
  return got
}

/** Bytes in pieces of these sizes, again and again. */
export const bytesSource = (
  content: string | Uint8Array,
  pieceBytes = [content.length || 1],
  name = 'x',
): ByteSource => {
  const bytes = Buffer.from(content as string)
  const pieces: Buffer[] = []
  for (let at = 0, nth = 0; at < bytes.length; nth++) {
    const size = Math.max(1, pieceBytes[nth % pieceBytes.length] ?? 1)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return streamSource(Readable.from(pieces, { objectMode: false }), name)
}
