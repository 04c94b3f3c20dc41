// A file that is whole or not there: written as `<path>.part`, made durable, then renamed.
// In: outcomes. Out: on commit the file under its name, what was there before replaced; on abandon the .part, cut at a
// whole item. A device or a pipe (/dev/null) has no .part and is written directly.
// Always true: the target is untouched until commit; a write error says what and where, and every later write says it again.
import { createWriteStream, existsSync, realpathSync } from 'node:fs'
import { type FileHandle, lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Outcomes } from '../../proto/outcome.js'
import { syncFolder } from '../durable/files.js'
import type { Format } from './format.js'
import type { Output, OutputPoint } from './output.js'
import { StreamOutput } from './stream.js'

// Smaller: more system calls. Larger: more is lost by a crash, and more memory is held.
const BUFFER_BYTES = 1024 * 1024

/** So much is made durable while the job goes on: at its end all of it would be waited for. */
const SYNC_BYTES = 4 * 1024 * 1024

export interface FileOptions {
  /** The job that goes on with its part: no other command touches it. */
  readonly owner?: string | undefined
  /** An earlier process got so far. */
  readonly from?: OutputPoint | undefined
}

/** Where a file is written until it is whole. A link keeps pointing to its file: the part lies beside that. */
export const partOf = (path: string, owner?: string): string => {
  const target = existsSync(path) ? realpathSync(path) : path
  return owner === undefined ? `${target}.part` : `${target}.${owner}.part`
}

/** Which file it is, as a later process finds it under another name too; undefined where there is none. */
export const fileMark = async (path: string | FileHandle): Promise<string | undefined> => {
  const found = await (typeof path === 'string' ? stat(path, { bigint: true }) : path.stat({ bigint: true })).catch(
    () => undefined,
  )
  return found && `${found.dev}:${found.ino}`
}

export const openFileOutput = async (path: string, format: Format, how: FileOptions = {}): Promise<Output> => {
  const { from, owner } = how
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) throw new Error(`cannot write results to ${path}: it is a folder; name a file in it`)
  if (there && !there.isFile()) {
    if (from) throw new Error(`cannot go on writing to ${path}: it is no file any more`)
    return new StreamOutput(createWriteStream(path), format, path)
  }
  // A link keeps pointing to its file: that is the one to be replaced.
  const target = there ? await realpath(path) : path
  const part = partOf(target, owner)
  if (from) return reopen(part, target, format, from)
  try {
    // An old one may be one that another command is writing: to each its own file, so that nobody's values get into another's.
    if ((await lstat(part).catch(() => undefined))?.isFile()) await unlink(part)
    return new FileOutput(await open(part, 'w', there ? there.mode & 0o777 : 0o666), part, target, format)
  } catch (error) {
    throw writeError(part, error)
  }
}

/** Goes on where an earlier process was: what it wrote after that point is written again. */
const reopen = async (part: string, target: string, format: Format, from: OutputPoint): Promise<Output> => {
  const { bytes } = from
  let file: FileHandle | undefined
  try {
    file = await open(part, 'r+').catch(error => {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? new Error('it is gone, and what was written with it')
        : error
    })
    if ((await fileMark(file)) !== from.file) throw new Error('it is another file than the one that the job wrote')
    const { size } = await file.stat()
    if (size < bytes) throw new Error(`it has ${size} bytes, fewer than the ${bytes} that were written`)
    await file.truncate(bytes)
    return new FileOutput(file, part, target, format, bytes)
  } catch (error) {
    await file?.close()
    throw writeError(part, error)
  }
}

class FileOutput implements Output {
  readonly #file: FileHandle
  readonly #part: string
  readonly #target: string
  readonly #format: Format
  #buffered: Uint8Array[] = []
  #bufferedBytes = 0
  /** Bytes in the file that end at the end of an item; what is written next stands there. */
  #wholeBytes: number
  #flushing: Promise<void> = Promise.resolve()
  /** Written, and not on its way to the disk. */
  #unsyncedBytes = 0
  #syncing: Promise<void> | undefined
  #failure: Error | undefined
  #committed: Promise<void> | undefined
  #abandoned: Promise<void> | undefined
  #closed = false
  #writeFailed = false

  constructor(file: FileHandle, part: string, target: string, format: Format, wholeBytes = 0) {
    this.#file = file
    this.#part = part
    this.#target = target
    this.#format = format
    this.#wholeBytes = wholeBytes
  }

  async write(outcomes: Outcomes): Promise<void> {
    if (this.#failure) throw this.#failure
    if (this.#committed || this.#abandoned) throw new Error(`${this.#part} is closed`)
    try {
      for (const bytes of this.#format.encode(outcomes)) this.#push(bytes)
    } catch (error) {
      this.#failure ??= error as Error
      throw error
    }
    if (this.#bufferedBytes >= BUFFER_BYTES) await this.#flush()
  }

  async checkpoint(): Promise<OutputPoint> {
    const format = this.#format.state()
    await this.#flush()
    await this.#syncing
    if (this.#failure) throw this.#failure
    this.#unsyncedBytes = 0
    try {
      await this.#file.datasync()
    } catch (error) {
      throw this.#failed(error)
    }
    return { file: (await fileMark(this.#file)) ?? '', bytes: this.#wholeBytes, format }
  }

  commit(): Promise<void> {
    this.#committed ??= this.#commit()
    return this.#committed
  }

  /** After a commit that succeeded: nothing. */
  abandon(): Promise<void> {
    this.#abandoned ??= this.#abandon()
    return this.#abandoned
  }

  #push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#buffered.push(bytes)
    this.#bufferedBytes += bytes.length
  }

  /** One after the other, in the order of the calls. */
  #flush(): Promise<void> {
    const pieces = this.#buffered
    const bytes = this.#bufferedBytes
    this.#buffered = []
    this.#bufferedBytes = 0
    this.#flushing = this.#flushing.then(async () => {
      if (this.#failure) throw this.#failure
      if (bytes === 0) return
      try {
        await writeAll(this.#file, pieces, bytes, this.#wholeBytes)
        this.#wholeBytes += bytes
      } catch (error) {
        throw this.#failed(error)
      }
      this.#syncSome(bytes)
    })
    // Whoever wrote hears of it; this chain is not theirs.
    this.#flushing.catch(() => undefined)
    return this.#flushing
  }

  #failed(error: unknown): Error {
    this.#writeFailed = true
    this.#failure ??= writeError(this.#part, error)
    return this.#failure
  }

  /** What the system could not write it tells once: to whoever asks first. */
  #syncSome(bytes: number): void {
    this.#unsyncedBytes += bytes
    if (this.#syncing !== undefined || this.#unsyncedBytes < SYNC_BYTES) return
    this.#unsyncedBytes = 0
    this.#syncing = this.#file
      .datasync()
      .catch(error => void this.#failed(error))
      .finally(() => {
        this.#syncing = undefined
      })
  }

  async #commit(): Promise<void> {
    if (this.#abandoned) throw new Error(`${this.#part} was abandoned`)
    if (this.#failure) throw this.#failure
    for (const bytes of this.#format.end()) {
      this.#push(bytes)
      if (this.#bufferedBytes >= BUFFER_BYTES) await this.#flush()
    }
    await this.#flush()
    await this.#syncing
    if (this.#failure) throw this.#failure
    if (!(await this.#isMine())) {
      throw new Error(`cannot write results to ${this.#target}: another command that was started later writes it too`)
    }
    try {
      await this.#file.sync()
      await this.#close()
      await rename(this.#part, this.#target)
      await syncFolder(dirname(this.#target))
    } catch (error) {
      throw writeError(this.#target, error)
    }
  }

  /** The part has not been taken away, or replaced, since it was opened. */
  async #isMine(): Promise<boolean> {
    const [mine, there] = await Promise.all([
      this.#file.stat({ bigint: true }),
      stat(this.#part, { bigint: true }).catch(() => undefined),
    ])
    return there !== undefined && there.ino === mine.ino && there.dev === mine.dev
  }

  async #abandon(): Promise<void> {
    await this.#committed?.catch(() => undefined)
    if (this.#closed) return
    await this.#syncing
    // What was encoded before a value that has no place in the format is whole items too; after a write error nothing is.
    const unwritten = this.#failure
    this.#failure = undefined
    if (!this.#writeFailed) await this.#flush().catch(() => undefined)
    this.#failure = unwritten ?? this.#failure
    try {
      await this.#file.truncate(this.#wholeBytes)
      await this.#file.sync()
    } catch (error) {
      throw writeError(this.#part, error)
    } finally {
      await this.#close().catch(() => undefined)
    }
  }

  async #close(): Promise<void> {
    this.#closed = true
    await this.#file.close()
  }
}

const writeAll = async (file: FileHandle, pieces: Uint8Array[], bytes: number, at: number): Promise<void> => {
  // One large piece goes as it is: copying doubles would cost as much as writing them.
  const whole = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, bytes)
  for (let written = 0; written < whole.length; ) {
    const { bytesWritten } = await file.write(whole, written, whole.length - written, at + written)
    written += bytesWritten
  }
}

const WHYS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist; create it first',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device; free some',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'it is a folder',
}

const writeError = (path: string, error: unknown): Error => {
  const { code, message } = error as NodeJS.ErrnoException
  return new Error(`cannot write results to ${path}: ${(code && WHYS[code]) ?? message}${code ? ` (${code})` : ''}`, {
    cause: error,
  })
}
