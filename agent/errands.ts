// Fetches what a task needs onto this host: the job's spec, its code, its shared data, large payloads.
// Always true: bytes that do not match their SHA-256 never leave this file; they are fetched once more, then refused.

import { CHUNK_BYTES, refOf } from '../proto/blob.js'
import { blobChunkCodec, blobRequestCodec, bundleCodec, itemsCodec, jobSpecCodec } from '../proto/codec.js'
import type { Items } from '../proto/items.js'
import type { BlobRef, Task } from '../proto/shard.js'
import type { AgentTransport } from '../proto/transport.js'
import type { BundleCache } from './bundles.js'
import type { LoadedCode } from './worker.js'

/** How long a chunk may take. Larger: a dead coordinator is noticed later. */
const CHUNK_SECONDS = 5
/** Chunks under way at once. Smaller: the round trip shows. Larger: more memory. */
const CHUNKS_IN_FLIGHT = 4
/** What a task refers to is refused beyond this: a host's memory is not the coordinator's to fill. */
const MOST_BYTES = 1024 * 1024 * 1024

/** A job's code in the cache, where it stays until it is released. */
export interface HeldCode {
  readonly code: LoadedCode
  release(): void
}

export class Errands {
  readonly #transport: AgentTransport
  readonly #cache: BundleCache

  constructor(transport: AgentTransport, cache: BundleCache) {
    this.#transport = transport
    this.#cache = cache
  }

  /** The spec, and the code and the shared data as they lie on this host until they are released. */
  async code(coordinator: string, ref: BlobRef): Promise<HeldCode> {
    const spec = jobSpecCodec.decode(await this.#fetch(coordinator, ref))
    const { bundle, shared } = spec
    const folder =
      bundle &&
      (await this.#cache.unpack(bundle.sha256, async () => bundleCodec.decode(await this.#fetch(coordinator, bundle))))
    const file = shared && (await this.#cache.file(shared.blob.sha256, () => this.#fetch(coordinator, shared.blob)))
    return {
      code: { spec, ...(folder && { bundleFolder: folder.path }), ...(file && { sharedFile: file.path }) },
      release: () => {
        void folder?.release()
        void file?.release()
      },
    }
  }

  async items(coordinator: string, task: Task): Promise<Items> {
    if (!('sha256' in task.items)) return task.items
    return itemsCodec.decode(await this.#fetch(coordinator, task.items))
  }

  async #fetch(coordinator: string, ref: BlobRef): Promise<Uint8Array> {
    if (ref.sizeBytes > MOST_BYTES)
      throw new Error(`${ref.sizeBytes} bytes are more than an agent fetches (${MOST_BYTES})`)
    for (const isSecondTry of [false, true]) {
      const content = await this.#chunks(coordinator, ref)
      if (refOf(content).sha256 === ref.sha256) return content
      if (isSecondTry) break
    }
    throw new Error(`what ${coordinator} sent for ${ref.sha256} has another hash`)
  }

  async #chunks(coordinator: string, ref: BlobRef): Promise<Uint8Array> {
    const content = new Uint8Array(ref.sizeBytes)
    let next = 0
    const fetchSome = async (): Promise<void> => {
      while (next < ref.sizeBytes) {
        const offsetBytes = next
        next += CHUNK_BYTES
        const request = { coordinator, sha256: ref.sha256, offsetBytes, limitBytes: CHUNK_BYTES }
        const answer = await this.#transport.requestBlob(blobRequestCodec.encode(request), CHUNK_SECONDS)
        const { data } = blobChunkCodec.decode(answer)
        if (data === undefined) throw new Error(`${coordinator} does not keep ${ref.sha256} any more`)
        if (data.byteLength !== Math.min(CHUNK_BYTES, ref.sizeBytes - offsetBytes))
          throw new Error('a chunk has the wrong length')
        content.set(data, offsetBytes)
      }
    }
    await Promise.all(Array.from({ length: CHUNKS_IN_FLIGHT }, fetchSome))
    return content
  }
}
