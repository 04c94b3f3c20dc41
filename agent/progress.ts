// What a worker is about to do, where its agent can read it although the worker is dead, or busy for ever: one record of 32
// bytes in a file without a name that both hold open (descriptor 4 in the worker); behind it 64 of 16 that the agent writes,
// where a busy worker can read them. In: spans, before they are begun; where runs are to end early. Out: the last of either.
// Always true: an item that runs, and the encoding of its value, are inside the span of the last record; who announces items
// and then looks for the limit, and who sets a limit and then reads what is announced, cannot both miss the other.
// Layout, little-endian: u64 sequence, u32 run, u32 zero, u64 index of the first item, u64 count; then the limits, that of a run
// at its number modulo 64: u32 run, u32 zero, u64 index of the first item that the run shall not begin.

import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Progress {
  /** Changes with each record; 0 before the first. */
  readonly sequence: number
  readonly run: number
  readonly start: number
  /** 0: between items. */
  readonly count: number
}

const RECORD_BYTES = 32
const LIMIT_BYTES = 16
/** More than a worker has runs in its pipe. */
const LIMITS = 64
/** The run of a limit that holds for none. */
const NO_RUN = 0xffff_ffff

/** The agent's end. */
export class ProgressFile {
  readonly descriptor: number
  readonly #record = Buffer.alloc(RECORD_BYTES)
  #open = true

  constructor() {
    this.descriptor = openNameless()
    writeSync(this.descriptor, this.#record, 0, RECORD_BYTES, 0)
    const limits = Buffer.alloc(LIMITS * LIMIT_BYTES)
    for (let at = 0; at < LIMITS; at++) limits.writeUInt32LE(NO_RUN, at * LIMIT_BYTES)
    writeSync(this.descriptor, limits, 0, limits.length, RECORD_BYTES)
  }

  /** The run shall not begin this item, nor any behind it. */
  limit(run: number, index: number): void {
    const record = Buffer.alloc(LIMIT_BYTES)
    record.writeUInt32LE(run, 0)
    record.writeBigUInt64LE(BigInt(index), 8)
    writeSync(this.descriptor, record, 0, LIMIT_BYTES, placeOfLimit(run))
  }

  read(): Progress {
    // A worker that truncated the file has no progress to tell.
    if (readSync(this.descriptor, this.#record, 0, RECORD_BYTES, 0) < RECORD_BYTES) this.#record.fill(0)
    return {
      sequence: Number(this.#record.readBigUInt64LE(0)),
      run: this.#record.readUInt32LE(8),
      start: Number(this.#record.readBigUInt64LE(16)),
      count: Number(this.#record.readBigUInt64LE(24)),
    }
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    closeSync(this.descriptor)
  }
}

const placeOfLimit = (run: number): number => RECORD_BYTES + (run % LIMITS) * LIMIT_BYTES

/** Memory rather than a disk where there is such a folder: a record is written before every slow item. */
const openNameless = (): number => {
  const name = `manyhands-${process.pid}-${randomBytes(8).toString('hex')}`
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)
  for (const folder of ['/dev/shm', tmpdir()]) {
    const path = join(folder, name)
    let descriptor: number
    try {
      descriptor = openSync(path, flags, 0o600)
    } catch (error) {
      if (folder === '/dev/shm') continue
      throw error
    }
    unlinkSync(path)
    return descriptor
  }
  throw new Error('no folder for the progress file')
}

/** A look costs 2 us. Larger: more items run twice when a run ends early. */
const LOOK_MS = 1

// The user's code may put its own in its place.
const { performance } = globalThis

/** The worker's end, for runners in JavaScript. */
export class Announcer {
  readonly #descriptor: number
  readonly #record = Buffer.alloc(RECORD_BYTES)
  readonly #words = new Uint32Array(this.#record.buffer, this.#record.byteOffset, RECORD_BYTES / 4)
  readonly #limit = Buffer.alloc(LIMIT_BYTES)
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #sequence = 0

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** Call before the first of the items begins. */
  announce(run: number, start: number, count: number): void {
    this.#sequence += 1
    this.#put(0, this.#sequence)
    this.#words[2] = run
    this.#put(4, start)
    this.#put(6, count)
    writeSync(this.#descriptor, this.#record, 0, RECORD_BYTES, 0)
  }

  /** The first item that the run shall not begin; looked up now and then, or at once when `isFresh`. */
  limitOf(run: number, isFresh: boolean): number {
    const now = performance.now()
    if (isFresh || now - this.#lookedAtMs >= LOOK_MS) {
      this.#lookedAtMs = now
      // A file that the user's code truncated has no limit.
      if (readSync(this.#descriptor, this.#limit, 0, LIMIT_BYTES, placeOfLimit(run)) < LIMIT_BYTES)
        this.#limit.fill(0xff)
    }
    return this.#limit.readUInt32LE(0) === run ? Number(this.#limit.readBigUInt64LE(8)) : Number.POSITIVE_INFINITY
  }

  /** Nothing of the user's runs now. */
  rest(run: number, next: number): void {
    this.announce(run, next, 0)
  }

  #put(word: number, value: number): void {
    this.#words[word] = value
    this.#words[word + 1] = Math.floor(value / 0x1_0000_0000)
  }
}
