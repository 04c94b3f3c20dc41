// Which process has a job: the newest of its owners, while it is alive. In: a job's folder. Out: the right to be the next, and
// its number. Always true: of processes that want to be the nth one is; a number is never given twice.
import { randomUUID } from 'node:crypto'
import { link, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere, syncFolder, toJson, writeDurably } from './files.js'
import { isAlive, type Process, thisProcess } from './process-mark.js'

export class Owners {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The file that names the nth. */
  file(owner: number): string {
    return join(this.#folder, `owner-${owner}`)
  }

  /** The number of the newest, 0 without any. */
  async newest(): Promise<number> {
    const names = await readdir(this.#folder)
    const numbers = names.flatMap(name => /^owner-(\d+)$/.exec(name)?.[1] ?? []).map(Number)
    return Math.max(0, ...numbers)
  }

  /** The process that has the job, where one is alive; `read`: from what stands in its file. */
  async alive(read: (content: Buffer, path: string) => Process): Promise<Process | undefined> {
    const path = this.file(await this.newest())
    const content = await readIfThere(path)
    // An empty one is of a process that has left.
    if (content === undefined || content.length === 0) return undefined
    const owner = read(content, path)
    return isAlive(owner) ? owner : undefined
  }

  /** This process is the one after `before`; false when another one is. */
  async follow(before: number): Promise<boolean> {
    const mark = join(this.#folder, `.owner-${randomUUID().slice(0, 8)}`)
    await writeDurably(mark, toJson(thisProcess()))
    try {
      // There with its content, or not at all.
      await link(mark, this.file(before + 1))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    } finally {
      await rm(mark, { force: true })
    }
    await syncFolder(this.#folder)
    await rm(this.file(before), { force: true })
    return true
  }

  /** The nth has the job no more; its number stays, as the next one must be above it. */
  async leave(owner: number): Promise<void> {
    await writeFile(this.file(owner), '').catch(() => {})
  }
}
