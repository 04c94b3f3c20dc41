// Fetches what a task needs onto this host: the job's spec, its code, its shared data, large payloads.
// A chunk that does not come is asked for again, because the server or the way to it may be away for a while.
// Always true: bytes that do not match their SHA-256 never leave this file; they are fetched once more, then refused.

import { CHUNK_BYTES, refOf } from '../proto/blob.js'
import { blobChunkCodec, blobRequestCodec, bundleCodec, itemsCodec, jobSpecCodec } from '../proto/blob-codec.js'
import type { Items } from '../proto/items.js'
import type { BlobRef, Task } from '../proto/shard.js'
import { monotonicSeconds } from '../proto/timing.js'
import type { AgentTransport } from '../proto/transport.js'
import type { VersionRange } from '../proto/version.js'
import type { BundleCache } from './bundles.js'
import type { KnownJob } from './intake.js'
import type { LoadedCode } from './worker.js'

/** How long a chunk may take. Larger: a dead coordinator is noticed later. */
const CHUNK_SECONDS = 5
/** So often nobody may answer in time. Larger: the tasks of a dead coordinator hold their places longer. */
const MOST_TIMEOUTS = 2
/** Refused after this long without any chunk, as where the server is gone. */
const PATIENCE_SECONDS = 30
const RETRY_MS = 250
/** Chunks under way at once. Smaller: the round trip shows. Larger: more memory. */
const CHUNKS_IN_FLIGHT = 4
/** What a task refers to is refused beyond this: a host's memory is not the coordinator's to fill. */
const MOST_BYTES = 1024 * 1024 * 1024

/** A job's code in the cache, where it stays until it is released. */
export interface HeldCode {
  readonly code: LoadedCode
  release(): void
}

/** Whom to ask, and in which version. */
type Asked = Pick<KnownJob, 'coordinator' | 'version'>

export class Errands {
  readonly #transport: AgentTransport
  readonly #cache: BundleCache
  readonly #versions: VersionRange

  constructor(transport: AgentTransport, cache: BundleCache, versions: VersionRange) {
    this.#transport = transport
    this.#cache = cache
    this.#versions = versions
  }

  /** The spec, and the code and the shared data as they lie on this host until they are released. */
  async code(
    { spec: ref, specContent, ...asked }: Asked & Pick<KnownJob, 'spec' | 'specContent'>,
    gone: AbortSignal,
  ): Promise<HeldCode> {
    const get = (wanted: BlobRef): Promise<Uint8Array> => this.#fetch(asked, wanted, gone)
    const isHere = specContent !== undefined && refOf(specContent).sha256 === ref.sha256
    const spec = jobSpecCodec.decode(isHere ? specContent : await get(ref), this.#versions)
    const { bundle, shared } = spec
    const unpacked = async (wanted: BlobRef) => bundleCodec.decode(await get(wanted), this.#versions)
    const folder = bundle && (await this.#cache.unpack(bundle.sha256, () => unpacked(bundle)))
    const file =
      shared &&
      (await this.#cache.file(shared.blob.sha256, handle =>
        this.#chunks(asked, shared.blob, gone, async (data, offsetBytes) => {
          await handle.write(data, 0, data.byteLength, offsetBytes)
        }),
      ))
    return {
      code: { spec, ...(folder && { bundleFolder: folder.path }), ...(file && { sharedFile: file.path }) },
      release: () => {
        void folder?.release()
        void file?.release()
      },
    }
  }

  async items(asked: Asked, task: Task, gone: AbortSignal): Promise<Items> {
    if (!('sha256' in task.items)) return task.items
    return itemsCodec.decode(await this.#fetch(asked, task.items, gone), this.#versions)
  }

  async #fetch(asked: Asked, ref: BlobRef, gone: AbortSignal): Promise<Uint8Array> {
    for (const isSecondTry of [false, true]) {
      const content = new Uint8Array(checkSize(ref))
      await this.#chunks(asked, ref, gone, (data, offsetBytes) => content.set(data, offsetBytes))
      if (refOf(content).sha256 === ref.sha256) return content
      if (isSecondTry) break
    }
    throw new Error(`what ${asked.coordinator} sent for ${ref.sha256} has another hash`)
  }

  async #chunks(
    { coordinator, version }: Asked,
    ref: BlobRef,
    gone: AbortSignal,
    put: (data: Uint8Array, offsetBytes: number) => void | Promise<void>,
  ): Promise<void> {
    checkSize(ref)
    const chunkBytes = Math.min(CHUNK_BYTES, this.#transport.limitBytes >>> 1)
    const progress = { atSeconds: monotonicSeconds() }
    let next = 0
    const fetchSome = async (): Promise<void> => {
      while (next < ref.sizeBytes) {
        const offsetBytes = next
        next += chunkBytes
        const request = { coordinator, sha256: ref.sha256, offsetBytes, limitBytes: chunkBytes }
        const answer = await this.#chunk(blobRequestCodec.encode(request, version), progress, gone)
        const { data } = blobChunkCodec.decode(answer, this.#versions)
        if (data === undefined) throw new Error(`${coordinator} does not keep ${ref.sha256} any more`)
        if (data.byteLength !== Math.min(chunkBytes, ref.sizeBytes - offsetBytes))
          throw new Error('a chunk has the wrong length')
        await put(data, offsetBytes)
      }
    }
    await Promise.all(Array.from({ length: CHUNKS_IN_FLIGHT }, fetchSome))
  }

  async #chunk(request: Uint8Array, progress: { atSeconds: number }, gone: AbortSignal): Promise<Uint8Array> {
    for (let timeouts = 0; ; ) {
      const askedAtSeconds = monotonicSeconds()
      try {
        const answer = await untilAborted(this.#transport.requestBlob(request, CHUNK_SECONDS), gone)
        progress.atSeconds = monotonicSeconds()
        return answer
      } catch (error) {
        const now = monotonicSeconds()
        // A request fails sooner than that where the connection is lost, or nobody is there to answer.
        if (now - askedAtSeconds > 0.9 * CHUNK_SECONDS) timeouts++
        if (gone.aborted || timeouts >= MOST_TIMEOUTS || now - progress.atSeconds > PATIENCE_SECONDS) throw error
        await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      }
    }
  }
}

const checkSize = ({ sizeBytes }: BlobRef): number => {
  if (sizeBytes > MOST_BYTES) throw new Error(`${sizeBytes} bytes are more than an agent fetches (${MOST_BYTES})`)
  return sizeBytes
}

const untilAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  let end: () => void = () => {}
  const aborted = new Promise<never>((_, reject) => {
    end = () => reject(new Error('it is not needed any more'))
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', end)
  }
}
