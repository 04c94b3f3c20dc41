// Which processes use which cache entries, told by files, so that several agents can share one cache. In: an entry's name.
// Out: a hold on it, or the right to remove it, never both: a user writes its mark and then looks for a remover's; a remover
// writes its mark and then looks for users'. Whoever comes second sees the other.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

// A removal takes milliseconds. Smaller: a slow disk's removal is taken for one whose process has died.
const REMOVAL_SECONDS = 10
const POLL_MILLISECONDS = 5
// Marks of other hosts (a cache on a network disk) cannot be checked. Smaller: a long job there may lose its code.
const FOREIGN_SECONDS = 7 * 24 * 3600

export class CacheUsers {
  readonly #users: string
  readonly #removers: string

  constructor(folder: string) {
    this.#users = join(folder, 'users')
    this.#removers = join(folder, 'removers')
  }

  async open(): Promise<void> {
    await mkdir(this.#users, { recursive: true, mode: 0o700 })
    await mkdir(this.#removers, { recursive: true, mode: 0o700 })
  }

  /** Resolves when nobody can be removing the entry; from then on nobody will until what it gives is called. */
  async hold(entry: string): Promise<() => Promise<void>> {
    // A mark for each hold: the end of one must not end another.
    const mark = join(this.#users, `${entry}.${process.pid}-${randomUUID()}@${hostname()}`)
    await writeFile(mark, '')
    const remover = join(this.#removers, entry)
    for (;;) {
      const found = await stat(remover).catch(() => undefined)
      if (found === undefined) return () => rm(mark, { force: true })
      if (secondsSince(found.mtimeMs) > REMOVAL_SECONDS) await rm(remover, { force: true })
      else await sleep(POLL_MILLISECONDS)
    }
  }

  /** Runs the removal if nobody uses the entry and nobody else is removing it; says whether it ran. */
  async removing(entry: string, remove: () => Promise<void>): Promise<boolean> {
    const mark = join(this.#removers, entry)
    try {
      await writeFile(mark, '', { flag: 'wx' })
    } catch {
      return false
    }
    try {
      if (await this.#isUsed(entry)) return false
      await remove()
      return true
    } finally {
      await rm(mark, { force: true })
    }
  }

  async #isUsed(entry: string): Promise<boolean> {
    for (const name of await readdir(this.#users)) {
      if (!name.startsWith(`${entry}.`)) continue
      if (await this.#isAlive(name, entry)) return true
      // Left behind by a process that was killed.
      await rm(join(this.#users, name), { force: true })
    }
    return false
  }

  async #isAlive(name: string, entry: string): Promise<boolean> {
    const mark = name.slice(entry.length + 1)
    if (mark.slice(mark.indexOf('@') + 1) !== hostname()) {
      const found = await stat(join(this.#users, name)).catch(() => undefined)
      return found !== undefined && secondsSince(found.mtimeMs) < FOREIGN_SECONDS
    }
    try {
      process.kill(Number.parseInt(mark, 10), 0)
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  }
}

function secondsSince(wallMilliseconds: number): number {
  return (Date.now() - wallMilliseconds) / 1000
}
