// A stream such as standard output: what is written is gone, so that only the end of an item is a place to stop.
// In: outcomes. Out: bytes, as fast as the reader takes them.
// Always true: a reader that went away (`| head`) is an OutputClosed, which is no failure; standard output stays open.

import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Outcomes } from '../../proto/outcome.js'
import type { Format } from './format.js'
import type { Output } from './output.js'

const PIECE_BYTES = 256 * 1024

/** Nobody wants the rest of the output: the job ends quietly. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

export class StreamOutput implements Output {
  readonly #stream: Writable
  readonly #format: Format
  readonly #where: string
  #failure: Error | undefined
  #ended: Promise<void> | undefined
  readonly #onError = (error: Error) => {
    this.#failure ??= streamError(this.#where, error)
  }
  readonly #onClose = () => {
    this.#failure ??= new OutputClosed(`the reader of ${this.#where} went away`)
  }

  constructor(stream: Writable, format: Format, where: string) {
    this.#stream = stream
    this.#format = format
    this.#where = where
    stream.on('error', this.#onError)
    stream.on('close', this.#onClose)
  }

  async write(outcomes: Outcomes): Promise<void> {
    // In large pieces: each write to a pipe is a system call, and an item may be two bytes long.
    let pieces: Uint8Array[] = []
    let bytes = 0
    for (const piece of this.#format.encode(outcomes)) {
      pieces.push(piece)
      bytes += piece.length
      if (bytes < PIECE_BYTES) continue
      await this.#put(Buffer.concat(pieces, bytes))
      pieces = []
      bytes = 0
    }
    if (bytes > 0) await this.#put(Buffer.concat(pieces, bytes))
  }

  commit(): Promise<void> {
    this.#ended ??= this.#end(async () => {
      for (const bytes of this.#format.end()) await this.#put(bytes)
    })
    return this.#ended
  }

  abandon(): Promise<void> {
    this.#ended ??= this.#end(async () => undefined).catch(error => {
      if (!(error instanceof OutputClosed)) throw error
    })
    return this.#ended
  }

  async #put(bytes: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure
    if (bytes.length > 0 && !this.#stream.write(bytes)) await this.#room()
    if (this.#failure) throw this.#failure
  }

  #room(): Promise<void> {
    return new Promise(resolve => {
      const events = ['drain', 'error', 'close'] as const
      const done = () => {
        for (const event of events) this.#stream.off(event, done)
        resolve()
      }
      for (const event of events) this.#stream.on(event, done)
    })
  }

  async #end(last: () => Promise<void>): Promise<void> {
    await last()
    const stream = this.#stream
    // Standard streams are not ours to end; an empty write comes back when all before it is handed over.
    if (isStandard(stream)) {
      if (!stream.destroyed) await new Promise<void>(resolve => stream.write('', () => resolve()))
    } else {
      stream.off('close', this.#onClose)
      stream.end()
      await finished(stream).catch(() => undefined)
    }
    if (this.#failure) throw this.#failure
  }
}

/** By descriptor: process.stdout may be lent to a function for the time of a job. */
const isStandard = (stream: Writable): boolean => [1, 2].includes((stream as { fd?: number }).fd ?? -1)

const streamError = (where: string, error: NodeJS.ErrnoException): Error =>
  error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' || error.code === 'ECONNRESET'
    ? new OutputClosed(`the reader of ${where} went away`, { cause: error })
    : new Error(`cannot write results to ${where}: ${error.message}`, { cause: error })
