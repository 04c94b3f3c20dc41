// What a coordinator keeps for its agents, under its SHA-256, and the answers to their requests for chunks.
import type { BlobChunk, BlobRequest } from '../proto/blob.js'
import { CHUNK_BYTES, refOf } from '../proto/blob.js'
import type { BlobRef } from '../proto/shard.js'

export class Blobs {
  readonly #contents = new Map<string, { content: Uint8Array; uses: number }>()

  /** Keeps the content until it was released as often as it was kept. */
  keep(content: Uint8Array): BlobRef {
    const ref = refOf(content)
    const kept = this.#contents.get(ref.sha256)
    if (kept === undefined) this.#contents.set(ref.sha256, { content, uses: 1 })
    else kept.uses++
    return ref
  }

  release(ref: BlobRef): void {
    const kept = this.#contents.get(ref.sha256)
    if (kept !== undefined && --kept.uses === 0) this.#contents.delete(ref.sha256)
  }

  answer({ sha256, offsetBytes, limitBytes }: BlobRequest): BlobChunk {
    const content = this.#contents.get(sha256)?.content
    if (content === undefined) return { sizeBytes: 0, data: undefined }
    const end = offsetBytes + Math.min(limitBytes, CHUNK_BYTES)
    return { sizeBytes: content.byteLength, data: content.subarray(offsetBytes, end) }
  }
}
