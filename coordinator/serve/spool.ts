// What comes with a job, on its way into its journal and out of it again: files, shared data, input. In: parts as a client sends
// them. Out: their places; later the same bytes, to whichever daemon has the job. Always true: what is held at once is one message of
// the journal, or two when it is read, but for code, which a job has in memory.
import { createHash, type Hash } from 'node:crypto'
import type { BlobSource } from '../../proto/blob.js'
import { BUNDLE_LIMITS, bundlePathFault } from '../../proto/bundle.js'
import type { Journal } from '../../proto/store.js'
import type { ByteSource } from '../input/byte-source.js'
import { type AskedPart, DeskError } from './desk.js'
import type { Spooled, Stretch } from './job-record.js'

/** Smaller: more round trips. Larger: more memory, and a server's limit. */
const CHUNK_BYTES = 512 * 1024

type Kind = AskedPart['type']
const ORDER: readonly Kind[] = ['file', 'shared', 'input']

/** Writes all parts; null where there were none. */
export const spool = async (journal: Journal, limitBytes: number, parts: AsyncIterable<AskedPart>) => {
  const writer = new Spooler(journal, Math.min(CHUNK_BYTES, limitBytes))
  for await (const part of parts) await writer.add(part)
  return writer.end()
}

const refused = (message: string): DeskError => new DeskError('ASKED', message, { field: 'file' })

class Spooler {
  readonly #journal: Journal
  readonly #chunkBytes: number
  readonly #files: { path: string; from: number; to: number }[] = []
  #shared: { from: number; to: number; hash: Hash; sizeBytes: number } | undefined
  #input = { from: 1, to: 1 }
  /** The stretch that is being written. */
  #open: { to: number } | undefined
  #stage = 0
  #fileBytes = 0
  #position = 0
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #isMade = false

  constructor(journal: Journal, chunkBytes: number) {
    this.#journal = journal
    this.#chunkBytes = chunkBytes
  }

  async add(part: AskedPart): Promise<void> {
    const stage = ORDER.indexOf(part.type)
    if (stage < this.#stage)
      throw new DeskError('ASKED', `a part of the ${part.type} comes after the ${ORDER[this.#stage]}`, {
        field: part.type,
      })
    const isNext = part.type === 'file' ? this.#files.at(-1)?.path !== part.path : stage > this.#stage
    this.#stage = stage
    if (isNext) await this.#begin(part)
    if (part.type === 'shared' && this.#shared !== undefined) {
      this.#shared.hash.update(part.data)
      this.#shared.sizeBytes += part.data.byteLength
    }
    if (part.type === 'file') this.#fileBytes += part.data.byteLength
    // Agents would refuse it, and a job has it in memory.
    if (this.#fileBytes > BUNDLE_LIMITS.bytes) throw refused(`the files have more than ${BUNDLE_LIMITS.bytes} bytes`)
    for (let at = 0; at < part.data.length; ) {
      const piece = part.data.subarray(at, at + this.#chunkBytes - this.#pendingBytes)
      this.#pending.push(piece)
      this.#pendingBytes += piece.length
      at += piece.length
      if (this.#pendingBytes >= this.#chunkBytes) await this.#write()
    }
  }

  async end(): Promise<Spooled | null> {
    await this.#close()
    if (!this.#isMade && this.#files.length === 0 && this.#shared === undefined) return null
    const shared = this.#shared && {
      from: this.#shared.from,
      to: this.#shared.to,
      blob: { sha256: this.#shared.hash.digest('hex'), sizeBytes: this.#shared.sizeBytes },
    }
    return { files: this.#files, shared: shared ?? null, input: this.#input, chunkBytes: this.#chunkBytes }
  }

  async #begin(part: AskedPart): Promise<void> {
    await this.#close()
    const from = this.#position + 1
    const stretch = { from, to: from }
    if (part.type === 'file') {
      const fault = bundlePathFault(part.path)
      if (fault !== undefined) throw refused(`${JSON.stringify(part.path)}: ${fault}`)
      if (this.#files.length >= BUNDLE_LIMITS.files) throw refused(`there are more than ${BUNDLE_LIMITS.files} files`)
      const file = { ...stretch, path: part.path }
      this.#files.push(file)
      this.#open = file
    } else if (part.type === 'shared') {
      this.#shared = { ...stretch, hash: createHash('sha256'), sizeBytes: 0 }
      this.#open = this.#shared
    } else {
      this.#input = stretch
      this.#open = stretch
    }
  }

  async #close(): Promise<void> {
    await this.#write()
    if (this.#open !== undefined) this.#open.to = this.#position + 1
  }

  async #write(): Promise<void> {
    if (this.#pendingBytes === 0) return
    if (!this.#isMade) await this.#journal.create()
    this.#isMade = true
    const content = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    this.#position = await this.#journal.append(content, this.#position)
  }
}

/** A message that must be there: a server that does not have it yet is asked again. */
const readFor = async (journal: Journal, position: number): Promise<Uint8Array> => {
  for (let tries = 0; ; tries++) {
    const content = await journal.read(position)
    if (content !== undefined) return content
    if (tries === MOST_TRIES) throw new Error(`what came with the job is not in NATS any more (message ${position})`)
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}
const MOST_TRIES = 20
const RETRY_MS = 100

export const readWhole = async (journal: Journal, { from, to }: Stretch): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = []
  for (let position = from; position < to; position++) pieces.push(await readFor(journal, position))
  return Buffer.concat(pieces)
}

/** The bytes of a stretch, one message after the other; the next one is on its way while this one is worked on. */
export const stretchSource = (journal: Journal, { from, to }: Stretch, name: string): ByteSource => {
  let next = from
  let ahead: Promise<Uint8Array> | undefined
  const ask = (): void => {
    ahead = next < to ? readFor(journal, next++) : undefined
    // Whoever reads hears of it.
    ahead?.catch(() => {})
  }
  ask()
  return {
    name,
    async read() {
      const content = await ahead
      if (content !== undefined) ask()
      return content
    },
    async close() {
      next = to
      ahead = undefined
    },
  }
}

/** Shared data, for agents that ask for pieces of it. */
export const sharedSource = (journal: Journal, { shared, chunkBytes }: Spooled): BlobSource | undefined => {
  if (shared === null) return undefined
  const { from, blob } = shared
  return {
    ref: blob,
    async read(offsetBytes, limitBytes) {
      const end = Math.min(offsetBytes + limitBytes, blob.sizeBytes)
      const pieces: Uint8Array[] = []
      for (let at = offsetBytes; at < end; ) {
        const nth = Math.floor(at / chunkBytes)
        const begin = nth * chunkBytes
        const content = await readFor(journal, from + nth)
        pieces.push(content.subarray(at - begin, end - begin))
        at = begin + chunkBytes
      }
      return Buffer.concat(pieces)
    },
  }
}
