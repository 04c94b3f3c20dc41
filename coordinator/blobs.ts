// What a coordinator keeps for its agents, in memory or where it can be read, under its SHA-256, and the answers to their requests for
// chunks.
import type { BlobChunk, BlobRequest, BlobSource } from '../proto/blob.js'
import { CHUNK_BYTES, refOf } from '../proto/blob.js'
import type { BlobRef } from '../proto/shard.js'

export class Blobs {
  readonly #contents = new Map<string, { content: Uint8Array | BlobSource; uses: number }>()

  /** Keeps the content until it was released as often as it was kept. */
  keep(content: Uint8Array | BlobSource): BlobRef {
    const ref = content instanceof Uint8Array ? refOf(content) : content.ref
    const kept = this.#contents.get(ref.sha256)
    if (kept === undefined) this.#contents.set(ref.sha256, { content, uses: 1 })
    else kept.uses++
    return ref
  }

  release(ref: BlobRef): void {
    const kept = this.#contents.get(ref.sha256)
    if (kept !== undefined && --kept.uses === 0) this.#contents.delete(ref.sha256)
  }

  answer({ sha256, offsetBytes, limitBytes }: BlobRequest): BlobChunk | Promise<BlobChunk> {
    const content = this.#contents.get(sha256)?.content
    if (content === undefined) return { sizeBytes: 0, data: undefined }
    const mostBytes = Math.min(limitBytes, CHUNK_BYTES)
    if (!(content instanceof Uint8Array)) {
      const { sizeBytes } = content.ref
      return content.read(offsetBytes, Math.min(mostBytes, sizeBytes - offsetBytes)).then(data => ({ sizeBytes, data }))
    }
    const end = offsetBytes + mostBytes
    return { sizeBytes: content.byteLength, data: content.subarray(offsetBytes, end) }
  }
}
