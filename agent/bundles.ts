// The agent's cache of code and shared data, by SHA-256. In: a hash and how to get what it names. Out: a path on this host,
// held until it is released. An entry appears whole, by a rename, or not at all; it is checked against its manifest before
// its first use in a process, and made again when it is damaged; the least recently used go when the cache is full, never
// one in use. Several agents may share one folder. Bundle names are data from the network: bundleFault judges them all.
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { BUNDLE_LIMITS, type BundleFile, type BundleLimits, bundleFault } from '../proto/bundle.js'
import { BundleRefusedError, CONTENT, type FilledFile, isWhole, readManifest, writeEntry } from './cache-entry.js'
import { openCacheFolder } from './cache-folder.js'
import { CacheUsers } from './cache-users.js'

export interface BundleCacheOptions {
  /** By default $XDG_CACHE_HOME/manyhands or ~/.cache/manyhands; below the temporary folder when that is not writable. */
  readonly folder?: string
  /** What all entries together may take on disk; what is in use may exceed it. */
  readonly limitBytes?: number
  readonly bundleLimits?: BundleLimits
  /** How long an entry that was released stays held, for the next job of the same code; 0, the default: not at all. */
  readonly lingerSeconds?: number
  /** Wall time, for the order of use alone. */
  readonly wallMilliseconds?: () => number
}

/** For agents: jobs of one function often follow one another, and to hold an entry anew takes a dozen calls of the file system. */
export const LINGER_SECONDS = 5

export const CACHE_DEFAULTS = { limitBytes: 1024 ** 3, bundleLimits: BUNDLE_LIMITS }

/** A cache entry that stays while it is held. */
export interface CacheHold {
  /** A bundle's folder, or a data file. */
  readonly path: string
  /** Idempotent. */
  release(): Promise<void>
}

type Load = () => Promise<readonly (BundleFile | FilledFile)[]>

interface Ready {
  readonly content: string
  /** Ends this process's use of the entry in the eyes of others. */
  readonly release: () => Promise<void>
}

interface HeldEntry {
  holds: number
  readonly ready: Promise<Ready>
  /** While nobody holds it: where it is, and the timer that lets go of it. */
  lingering?: { readonly content: string; readonly timer: NodeJS.Timeout }
}

interface OpenCache {
  readonly folder: string
  readonly users: CacheUsers
}

// Left by a process that was killed while it unpacked. Smaller: one that is still unpacking to a slow disk loses its work.
const PARTIAL_SECONDS = 3600
// Each further attempt means that another process put a damaged entry there meanwhile.
const INSTALL_ATTEMPTS = 5

export class BundleCache {
  readonly #options: BundleCacheOptions
  readonly #limitBytes: number
  readonly #wallMilliseconds: () => number
  #opened: Promise<OpenCache> | undefined
  /** Entries in use here. `ready` is shared by all who ask for the same one at the same time. */
  readonly #held = new Map<string, HeldEntry>()
  #closed = false

  constructor(options: BundleCacheOptions = {}) {
    this.#options = options
    this.#limitBytes = options.limitBytes ?? CACHE_DEFAULTS.limitBytes
    this.#wallMilliseconds = options.wallMilliseconds ?? Date.now
  }

  /** A bundle's folder. `load` is called when it is not here: whoever loads it has checked the bytes against the hash. */
  unpack(sha256: string, load: () => Promise<readonly BundleFile[]>): Promise<CacheHold> {
    return this.#hold(`bundle-${checkHash(sha256)}`, '', async () => {
      const files = await load()
      const fault = bundleFault(files, this.#options.bundleLimits ?? CACHE_DEFAULTS.bundleLimits)
      if (fault !== undefined) throw new BundleRefusedError(`The bundle ${sha256.slice(0, 12)} was refused: ${fault}.`)
      return files
    })
  }

  /** A file with raw bytes, such as a job's shared data, filled where it lies; it is checked against the hash. */
  file(sha256: string, fill: FilledFile['fill']): Promise<CacheHold> {
    return this.#hold(`data-${checkHash(sha256)}`, 'data', async () => [{ path: 'data', sha256, fill }])
  }

  /** Lets go of everything; what is in the cache stays for the next agent. Idempotent, allowed before any use. */
  async close(): Promise<void> {
    this.#closed = true
    const held = [...this.#held.values()]
    this.#held.clear()
    for (const { lingering } of held) clearTimeout(lingering?.timer)
    for (const { ready } of held) await ready.then(({ release }) => release()).catch(() => undefined)
  }

  async #hold(entry: string, inside: string, load: Load): Promise<CacheHold> {
    if (this.#closed) throw new Error('the cache is closed')
    const others = this.#known(entry)
    const held = others ?? { holds: 0, ready: this.#provide(entry, load) }
    this.#held.set(entry, held)
    held.holds++
    let released = false
    const release = async () => {
      if (released) return
      released = true
      held.holds--
      if (held.holds > 0 || this.#held.get(entry) !== held) return
      const { lingerSeconds = 0 } = this.#options
      if (lingerSeconds === 0) return await this.#letGo(entry, held)
      const { content } = await held.ready
      if (held.holds > 0 || held.lingering !== undefined || this.#closed) return
      const timer = setTimeout(() => void this.#letGo(entry, held).catch(() => {}), lingerSeconds * 1000).unref()
      held.lingering = { content, timer }
    }
    try {
      const { content } = await held.ready
      return { path: join(content, inside), release }
    } catch (error) {
      if (this.#held.get(entry) === held) this.#held.delete(entry)
      // Whoever loaded it may not need it any more, as where its job has ended.
      if (others !== undefined) return this.#hold(entry, inside, load)
      throw error
    }
  }

  async #letGo(entry: string, held: HeldEntry): Promise<void> {
    this.#held.delete(entry)
    const { release } = await held.ready
    await release()
  }

  /** One that is held, or was until lately and is still there. */
  #known(entry: string): HeldEntry | undefined {
    const held = this.#held.get(entry)
    if (held?.lingering === undefined) return held
    const { content, timer } = held.lingering
    clearTimeout(timer)
    delete held.lingering
    if (existsSync(content)) return held
    void this.#letGo(entry, held).catch(() => {})
    return undefined
  }

  #open(): Promise<OpenCache> {
    this.#opened ??= (async () => {
      const folder = await openCacheFolder(this.#options.folder === undefined ? {} : { folder: this.#options.folder })
      const users = new CacheUsers(folder)
      await users.open()
      for (const name of ['entries', 'partial']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
      return { folder, users }
    })()
    return this.#opened
  }

  /** The entry's content, from the cache or made now. The mark of use stands before the entry is looked at. */
  async #provide(entry: string, load: Load): Promise<Ready> {
    try {
      return await this.#provideIn(await this.#open(), entry, load)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      // Somebody has removed the folder, or a part of it: it is made again.
      this.#opened = undefined
      return await this.#provideIn(await this.#open(), entry, load)
    }
  }

  async #provideIn({ folder, users }: OpenCache, entry: string, load: Load): Promise<Ready> {
    const release = await users.hold(entry)
    try {
      const place = join(folder, 'entries', entry)
      if (!(await isWhole(place))) {
        await this.#install(await writeEntry(join(folder, 'partial'), await load()), place)
        await this.#makeRoom(folder, users)
      }
      const wallSeconds = this.#wallMilliseconds() / 1000
      await utimes(place, wallSeconds, wallSeconds)
      return { content: join(place, CONTENT), release }
    } catch (error) {
      await release()
      throw error
    }
  }

  /** Renames the entry to its place. Another process may have been first: then its entry is used, if it is whole. */
  async #install(partial: string, place: string): Promise<void> {
    try {
      for (let attempt = 0; ; attempt++) {
        const fault = await rename(partial, place).catch((error: NodeJS.ErrnoException) => error)
        if (fault === undefined || (await isWhole(place))) return
        if (attempt === INSTALL_ATTEMPTS) throw fault
        // Damaged. By a rename first, so that nobody sees it half removed; another process may have done it already.
        const aside = join(partial, '..', randomUUID())
        await rename(place, aside).catch(() => undefined)
        await rm(aside, { recursive: true, force: true })
      }
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
  }

  async #makeRoom(folder: string, users: CacheUsers): Promise<void> {
    await this.#removeAbandoned(join(folder, 'partial'))
    const entries: { name: string; bytes: number; usedMs: number }[] = []
    for (const name of await readdir(join(folder, 'entries'))) {
      const place = join(folder, 'entries', name)
      const found = await stat(place).catch(() => undefined)
      if (found === undefined) continue
      const manifest = await readManifest(place)
      entries.push({ name, bytes: manifest?.bytes ?? 0, usedMs: found.mtimeMs })
    }
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
    entries.sort((a, b) => a.usedMs - b.usedMs)
    for (const entry of entries) {
      if (bytes <= this.#limitBytes) return
      if (this.#held.has(entry.name)) continue
      const removed = await users.removing(entry.name, async () => {
        const aside = join(folder, 'partial', randomUUID())
        // Another process may have been faster.
        await rename(join(folder, 'entries', entry.name), aside).catch(ignoreAbsence)
        await rm(aside, { recursive: true, force: true })
      })
      if (removed) bytes -= entry.bytes
    }
  }

  async #removeAbandoned(partials: string): Promise<void> {
    for (const name of await readdir(partials)) {
      const found = await stat(join(partials, name)).catch(() => undefined)
      const seconds = found === undefined ? 0 : (Date.now() - found.mtimeMs) / 1000
      if (seconds > PARTIAL_SECONDS) await rm(join(partials, name), { recursive: true, force: true })
    }
  }
}

/** The hash becomes a file name: nothing but 64 hex digits may. */
function checkHash(sha256: string): string {
  if (/^[0-9a-f]{64}$/.test(sha256)) return sha256
  throw new BundleRefusedError(`Expected a SHA-256 in hex, got ${JSON.stringify(sha256.slice(0, 80))}.`)
}

function ignoreAbsence(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
