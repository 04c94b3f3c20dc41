// A job's folder on this machine: what was asked for, how far it is, and which process has it. In: records, checkpoints.
// Out: the same to a later process. Always true: a folder is there whole or not at all; a checkpoint is the newest that was
// saved, never a part of one; of processes that want the job one has it, until it has ended.
//
//   <jobs>/<name>/ record.json  bundle  shared     as they were when the job was asked for
//                  checkpoint.json  failed  reports   as far as it is; failed: the items' indices, as doubles
//                  owner-<n>                       the nth process that has it
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { bundleCodec } from '../../proto/blob-codec.js'
import type { BundleFile } from '../../proto/bundle.js'
import type { JobFunction } from '../function/function.js'
import type { JobRequest } from '../job.js'
import type { Checkpoint } from './checkpoint.js'
import type { Fingerprint } from './fingerprint.js'
import { isJobName } from './job-name.js'
import { isAlive, type Process, thisProcess } from './process-mark.js'

const SCHEMA = 'manyhands.job/1'

/** Making a folder, or removing one, takes milliseconds; other machines' clocks may be off. */
const SWEEP_SECONDS = 3600

/** What was asked for. */
export interface JobRecord {
  readonly schema: typeof SCHEMA
  /** As people call it. */
  readonly name: string
  /** As transports do. */
  readonly job: string
  /** When it was asked for, by this machine's clock; for people. */
  readonly asked: string
  /** Where: paths among the options start there. */
  readonly cwd: string
  /** The options of `map` that say what the job is, as texts. */
  readonly options: Readonly<Record<string, string>>
  readonly function: Omit<JobFunction, 'bundle'>
  readonly input: Fingerprint | null
  /** The number of items, where it is known. */
  readonly count: number | null
}

export type NewJob = Omit<JobRecord, 'schema' | 'asked' | 'function'> & {
  readonly function: JobFunction
  readonly shared: JobRequest['shared']
}

/** The job cannot be had: `running` by whom, or a folder that this version cannot read. */
export class JobFolderError extends Error {
  override readonly name = 'JobFolderError'
  readonly code: 'JOB_RUNNING' | 'JOB_FOLDER'

  constructor(code: 'JOB_RUNNING' | 'JOB_FOLDER', message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Of an item's index, in the list of those that failed. */
const ITEM_BYTES = 8

const bytesOf = (items: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(items.length * ITEM_BYTES)
  for (const [nth, item] of items.entries()) bytes.writeDoubleLE(item, nth * ITEM_BYTES)
  return bytes
}

const text = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** Makes what was written under a name of the folder durable, where folders can be synced. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}

const writeDurably = async (path: string, content: string | Uint8Array): Promise<void> => {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Nothing that was ever written here whole is damaged by a process that is killed. */
const parsed = <T>(content: Buffer, path: string): T => {
  try {
    return JSON.parse(content.toString()) as T
  } catch (error) {
    const what = `${path} is damaged, and the job cannot be gone on with: delete ${dirname(path)}, and the .part of its output`
    throw new JobFolderError('JOB_FOLDER', what, { cause: error })
  }
}

const readIfThere = async (path: string): Promise<Buffer | undefined> =>
  readFile(path).catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })

export class JobFolder {
  readonly path: string
  readonly record: JobRecord

  private constructor(path: string, record: JobRecord) {
    this.path = path
    this.record = record
  }

  /** Makes the folder; undefined when there is a job of that name. */
  static async create(jobs: string, { shared, ...asked }: NewJob): Promise<JobFolder | undefined> {
    const { bundle, ...fn } = asked.function
    const record: JobRecord = { schema: SCHEMA, asked: new Date().toISOString(), ...asked, function: fn }
    const path = join(jobs, record.name)
    const making = join(jobs, `.${record.name}-${randomUUID().slice(0, 8)}`)
    await mkdir(making, { recursive: true, mode: 0o700 })
    try {
      if (bundle !== undefined) await writeDurably(join(making, 'bundle'), bundleCodec.encode(bundle))
      if (shared !== undefined) await writeDurably(join(making, `shared.${shared.kind}`), shared.content)
      await writeDurably(join(making, 'record.json'), text(record))
      await syncFolder(making)
      await rename(making, path)
      await syncFolder(jobs)
    } catch (error) {
      await rm(making, { recursive: true, force: true })
      if (['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
      throw error
    }
    return new JobFolder(path, record)
  }

  /** The job of this name; undefined when there is none. */
  static async open(jobs: string, name: string): Promise<JobFolder | undefined> {
    const path = join(jobs, name)
    const content = await readIfThere(join(path, 'record.json'))
    if (content === undefined) return undefined
    const record = parsed<JobRecord>(content, join(path, 'record.json'))
    if (record.schema !== SCHEMA)
      throw new JobFolderError(
        'JOB_FOLDER',
        `the job ${name} was written down by another version of manyhands (${String(record.schema)}, not ${SCHEMA})`,
      )
    return new JobFolder(path, record)
  }

  /** All of them, the newest first. */
  static async list(jobs: string): Promise<JobFolder[]> {
    const names = await readdir(jobs).catch(() => [])
    const opened = await Promise.all(
      names.filter(isJobName).map(name => JobFolder.open(jobs, name).catch(() => undefined)),
    )
    return opened
      .filter(folder => folder !== undefined)
      .sort((a, b) => (a.record.asked < b.record.asked ? 1 : a.record.asked > b.record.asked ? -1 : 0))
  }

  /** Where the transport of this machine keeps reports. */
  get reports(): string {
    return join(this.path, 'reports')
  }

  /** The process that has it, where one is alive. */
  async owner(): Promise<Process | undefined> {
    const newest = await this.#newestOwner()
    if (newest === 0) return undefined
    const mark = await readIfThere(this.#ownerFile(newest))
    const owner = mark === undefined || mark.length === 0 ? undefined : parsed<Process>(mark, this.#ownerFile(newest))
    return owner !== undefined && isAlive(owner) ? owner : undefined
  }

  /** From now on this process has the job: the nth that does. Throws when another one is alive that has it. */
  async take(): Promise<number> {
    for (;;) {
      const newest = await this.#newestOwner()
      const owner = await this.owner()
      if (owner !== undefined)
        throw new JobFolderError(
          'JOB_RUNNING',
          owner.host === hostname()
            ? `the job ${this.record.name} is running, as process ${owner.pid} of this machine`
            : `the job ${this.record.name} was last run on ${owner.host}, where it may still be running; ` +
                `if it is not, delete ${this.#ownerFile(newest)}`,
        )
      const mark = join(this.path, `.owner-${randomUUID().slice(0, 8)}`)
      await writeDurably(mark, text(thisProcess()))
      try {
        // There with its content, or not at all: an empty one is of a process that has left.
        await link(mark, this.#ownerFile(newest + 1))
      } catch (error) {
        // Somebody else was a moment earlier.
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
        throw error
      } finally {
        await rm(mark, { force: true })
      }
      await syncFolder(this.path)
      await rm(this.#ownerFile(newest), { force: true })
      return newest + 1
    }
  }

  async function(): Promise<JobFunction> {
    const content = await readIfThere(join(this.path, 'bundle'))
    const bundle: readonly BundleFile[] | undefined = content && bundleCodec.decode(content)
    return { ...this.record.function, ...(bundle && { bundle }) }
  }

  async shared(): Promise<JobRequest['shared']> {
    for (const kind of ['json', 'bytes'] as const) {
      const content = await readIfThere(join(this.path, `shared.${kind}`))
      if (content !== undefined) return { kind, content }
    }
    return undefined
  }

  /** The newest one. */
  async checkpoint(): Promise<Checkpoint | undefined> {
    const content = await readIfThere(join(this.path, 'checkpoint.json'))
    return content && parsed<Checkpoint>(content, join(this.path, 'checkpoint.json'))
  }

  /** `failed`: the items that have failed since the last one. */
  async save(checkpoint: Checkpoint, failed: readonly number[]): Promise<void> {
    if (failed.length > 0) await this.#appendFailed(checkpoint.failed - failed.length, failed)
    await this.#replace('checkpoint.json', text(checkpoint))
  }

  /** The items that have failed as of this checkpoint, ascending. */
  async failedItems({ failed }: Checkpoint): Promise<Float64Array> {
    const content = (await readIfThere(join(this.path, 'failed'))) ?? Buffer.alloc(0)
    const items = new Float64Array(Math.min(failed, Math.floor(content.length / ITEM_BYTES)))
    for (let nth = 0; nth < items.length; nth++) items[nth] = content.readDoubleLE(nth * ITEM_BYTES)
    return items.sort()
  }

  /** Of the items that had failed these still do. */
  async replaceFailed(checkpoint: Checkpoint, failed: readonly number[]): Promise<void> {
    // Between the two the older, higher count is one of fewer items than it says: those that are there.
    await this.#replace('failed', bytesOf(failed))
    await this.#replace('checkpoint.json', text(checkpoint))
  }

  async #appendFailed(before: number, failed: readonly number[]): Promise<void> {
    const file = await open(join(this.path, 'failed'), constants.O_CREAT | constants.O_WRONLY, 0o600)
    try {
      await file.write(bytesOf(failed), 0, failed.length * ITEM_BYTES, before * ITEM_BYTES)
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  async #replace(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.path, name)
    await writeDurably(`${path}.new`, content)
    await rename(`${path}.new`, path)
    await syncFolder(this.path)
  }

  /** The job is over, and nothing of it is left here. */
  async remove(): Promise<void> {
    // Its name first: without it there is no job, whatever is still there.
    const gone = join(dirname(this.path), `.${this.record.name}-${randomUUID().slice(0, 8)}`)
    await rename(this.path, gone)
    await rm(gone, { recursive: true, force: true })
  }

  /** Takes away what processes that were killed had begun to make, or to remove. */
  static async sweep(jobs: string): Promise<void> {
    for (const name of await readdir(jobs).catch(() => [])) {
      const path = join(jobs, name)
      const found = name.startsWith('.') ? await stat(path).catch(() => undefined) : undefined
      if (found !== undefined && Date.now() - found.mtimeMs > SWEEP_SECONDS * 1000)
        await rm(path, { recursive: true, force: true }).catch(() => {})
    }
  }

  /** This process has it no more. */
  async leave(owner: number): Promise<void> {
    // The number stays, as the next one must be above it.
    await writeFile(this.#ownerFile(owner), '').catch(() => {})
  }

  #ownerFile(owner: number): string {
    return join(this.path, `owner-${owner}`)
  }

  async #newestOwner(): Promise<number> {
    const names = await readdir(this.path)
    const numbers = names.flatMap(name => /^owner-(\d+)$/.exec(name)?.[1] ?? []).map(Number)
    return Math.max(0, ...numbers)
  }
}
