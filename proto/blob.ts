// Bytes named by their SHA-256: bundles, job specs, shared data and payloads too large for a message. The coordinator
// keeps them and serves them in chunks; whoever reads them checks the name.
import { createHash } from 'node:crypto'
import type { BlobRef } from './shard.js'

export interface BlobRequest {
  /** The coordinator that is asked; the others stay silent. */
  readonly coordinator: string
  readonly sha256: string
  readonly offsetBytes: number
  readonly limitBytes: number
}

/** `undefined` data: the coordinator does not keep these bytes (any more). */
export interface BlobChunk {
  readonly sizeBytes: number
  readonly data: Uint8Array | undefined
}

/** Bytes that stay where they are, and are read piece by piece. */
export interface BlobSource {
  readonly ref: BlobRef
  /** At most so many bytes from there on. */
  read(offsetBytes: number, limitBytes: number): Promise<Uint8Array>
}

/** Smaller: more round trips. Larger: over the servers' default limit of 1 MiB a message. */
export const CHUNK_BYTES = 512 * 1024

export const refOf = (content: Uint8Array): BlobRef => ({
  sha256: createHash('sha256').update(content).digest('hex'),
  sizeBytes: content.byteLength,
})
