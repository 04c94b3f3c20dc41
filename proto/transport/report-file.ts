// The reports of a job in a file, so that a process that is killed leaves them to the next one of this machine.
// In: reports as they are stored and let go of. Out: those of an earlier process, in order. Always true: what a killed
// process had begun to append is cut off; nobody waits for the file, and one that cannot be written is told of once and left
// alone, as what it would hold can be made again. A record is its length in four bytes (little-endian), then the report.
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { Log } from '../log.js'
import type { ReportStore } from './memory-reports.js'

/** So much that nobody needs may stand in the file, beside as much as is needed. Smaller: it is written anew more often. */
const WASTE_BYTES = 8 * 1024 * 1024
const LENGTH_BYTES = 4
/** So much may wait for a slow disk; what comes then is not kept, and would be run again. */
const MOST_PENDING_BYTES = 64 * 1024 * 1024

export class ReportFile implements ReportStore {
  readonly reports: readonly Uint8Array[]
  readonly #path: string
  readonly #log: Log
  #file: FileHandle
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #bytes: number
  #working: Promise<void> = Promise.resolve()
  #isBroken = false
  /** Written anew with these, before anything else. */
  #kept: readonly Uint8Array[] | undefined

  private constructor(path: string, file: FileHandle, reports: readonly Uint8Array[], log: Log) {
    this.#path = path
    this.#file = file
    this.reports = reports
    this.#log = log
    this.#bytes = sizeOf(reports)
  }

  static async open(path: string, log: Log): Promise<ReportFile> {
    const file = await open(path, 'a+', 0o600)
    const content = await file.readFile()
    const reports: Uint8Array[] = []
    let at = 0
    while (at + LENGTH_BYTES <= content.length) {
      const end = at + LENGTH_BYTES + content.readUInt32LE(at)
      if (end > content.length) break
      reports.push(content.subarray(at + LENGTH_BYTES, end))
      at = end
    }
    if (at < content.length) await file.truncate(at)
    return new ReportFile(path, file, reports, log)
  }

  append(report: Uint8Array): void {
    if (this.#isBroken || this.#pendingBytes > MOST_PENDING_BYTES) return
    this.#pending.push(report)
    this.#pendingBytes += report.length
    if (this.#pending.length === 1) this.#work(() => this.#write())
  }

  trim(kept: readonly Uint8Array[]): void {
    // Both end with the newest.
    if (kept.length < this.#pending.length) this.#setPending(this.#pending.slice(this.#pending.length - kept.length))
    const needed = sizeOf(kept)
    const isEmpty = kept.length === 0 && this.#bytes > 0
    if (this.#isBroken || !(isEmpty || this.#bytes - needed > needed + WASTE_BYTES)) return
    const isBegun = this.#kept !== undefined
    this.#kept = [...kept]
    this.#setPending([])
    this.#bytes = needed
    if (!isBegun) this.#work(() => this.#rewrite())
  }

  async close(keep?: 'reports'): Promise<void> {
    await this.#working
    await this.#file.close().catch(() => {})
    if (keep === undefined) await rm(this.#path, { force: true })
  }

  /** One piece of work after the other. */
  #work(step: () => Promise<void>): void {
    this.#working = this.#working
      .then(() => (this.#isBroken ? undefined : step()))
      .catch(error => {
        this.#isBroken = true
        this.#setPending([])
        this.#log('warn', `Outcomes cannot be kept in ${this.#path}: ${(error as Error).message}`)
      })
  }

  async #write(): Promise<void> {
    const pieces = this.#pending
    if (pieces.length === 0) return
    this.#pending = []
    this.#bytes += sizeOf(pieces)
    try {
      await writeAll(this.#file, pieces)
    } finally {
      this.#pendingBytes = this.#pending.reduce((bytes, { length }) => bytes + length, 0)
    }
  }

  #setPending(pending: Uint8Array[]): void {
    this.#pending = pending
    this.#pendingBytes = pending.reduce((bytes, { length }) => bytes + length, 0)
  }

  async #rewrite(): Promise<void> {
    const kept = this.#kept ?? []
    this.#kept = undefined
    if (kept.length === 0) return this.#file.truncate(0)
    const path = `${this.#path}.new`
    const file = await open(path, 'w', 0o600)
    if (kept.length > 0) await writeAll(file, kept)
    await rename(path, this.#path)
    const old = this.#file
    // Opened anew for appending alone: what comes next must stand behind it.
    this.#file = await open(this.#path, 'a', 0o600)
    await Promise.all([old.close(), file.close()])
  }
}

const sizeOf = (reports: readonly Uint8Array[]): number =>
  reports.reduce((bytes, report) => bytes + LENGTH_BYTES + report.length, 0)

const writeAll = async (file: FileHandle, reports: readonly Uint8Array[]): Promise<void> => {
  const pieces = reports.flatMap(report => {
    const length = Buffer.allocUnsafe(LENGTH_BYTES)
    length.writeUInt32LE(report.length)
    return [length, report]
  })
  // As they are: a copy of all would double what is held.
  const { bytesWritten } = await file.writev(pieces)
  if (bytesWritten < sizeOf(reports)) throw new Error('the disk takes no more')
}
