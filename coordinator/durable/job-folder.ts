// A job's folder on this machine: what was asked for, how far it is, and which process has it. In: records, checkpoints.
// Out: the same to a later process. Always true: a folder is there whole or not at all; a checkpoint is the newest that was
// saved, never a part of one; of processes that want the job one has it, until it has ended.
//
//   <jobs>/<name>/ record.json  bundle  shared     as they were when the job was asked for
//                  checkpoint.json  failed  reports   as far as it is; failed: the items' indices, as doubles
//                  owner-<n>                       the nth process that has it
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { bundleCodec } from '../../proto/blob-codec.js'
import type { BundleFile } from '../../proto/bundle.js'
import type { JobFunction } from '../function/function.js'
import type { Shared } from '../job.js'
import type { Checkpoint } from './checkpoint.js'
import { noteFailed, readFailed, replaceFailed } from './failed-items.js'
import { readIfThere, replaceDurably, syncFolder, toJson, writeDurably } from './files.js'
import type { Fingerprint } from './fingerprint.js'
import { isJobName } from './job-name.js'
import { Owners } from './owners.js'
import type { Process } from './process-mark.js'

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
  readonly shared: Shared | undefined
}

/** The job cannot be had: another process has it, or its folder cannot be read. */
export class JobFolderError extends Error {
  override readonly name = 'JobFolderError'
  readonly code: 'JOB_RUNNING' | 'JOB_FOLDER'

  constructor(code: 'JOB_RUNNING' | 'JOB_FOLDER', message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
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

export class JobFolder {
  readonly path: string
  readonly record: JobRecord
  readonly #owners: Owners

  private constructor(path: string, record: JobRecord) {
    this.path = path
    this.record = record
    this.#owners = new Owners(path)
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
      await writeDurably(join(making, 'record.json'), toJson(record))
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
  owner(): Promise<Process | undefined> {
    return this.#owners.alive(parsed<Process>)
  }

  /** From now on this process has the job: the nth that does. Throws when another one is alive that has it. */
  async take(): Promise<number> {
    for (;;) {
      const newest = await this.#owners.newest()
      const owner = await this.owner()
      if (owner !== undefined) throw new JobFolderError('JOB_RUNNING', this.#isHad(owner, newest))
      // Else somebody was a moment earlier.
      if (await this.#owners.follow(newest)) return newest + 1
    }
  }

  /** This process has it no more. */
  leave(owner: number): Promise<void> {
    return this.#owners.leave(owner)
  }

  #isHad({ host, pid }: Process, owner: number): string {
    const { name } = this.record
    if (host === hostname()) return `the job ${name} is running, as process ${pid} of this machine`
    const file = this.#owners.file(owner)
    return `the job ${name} was last run on ${host}, where it may still be running; if it is not, delete ${file}`
  }

  async function(): Promise<JobFunction> {
    const content = await readIfThere(join(this.path, 'bundle'))
    const bundle: readonly BundleFile[] | undefined = content && bundleCodec.decode(content)
    return { ...this.record.function, ...(bundle && { bundle }) }
  }

  async shared(): Promise<Shared | undefined> {
    for (const kind of ['json', 'bytes'] as const) {
      const content = await readIfThere(join(this.path, `shared.${kind}`))
      if (content !== undefined) return { kind, content }
    }
    return undefined
  }

  /** The newest one. */
  async checkpoint(): Promise<Checkpoint | undefined> {
    const content = await readIfThere(this.#checkpoint)
    return content && parsed<Checkpoint>(content, this.#checkpoint)
  }

  /** `failed`: the items that have failed since the last one. */
  async save(checkpoint: Checkpoint, failed: readonly number[]): Promise<void> {
    if (failed.length > 0) await noteFailed(this.#failed, checkpoint.failed - failed.length, failed)
    await replaceDurably(this.#checkpoint, toJson(checkpoint))
  }

  /** The items that have failed as of this checkpoint, ascending. */
  failedItems({ failed }: Checkpoint): Promise<Float64Array> {
    return readFailed(this.#failed, failed)
  }

  /** Of the items that had failed these still do. */
  async replaceFailed(checkpoint: Checkpoint, failed: readonly number[]): Promise<void> {
    // Between the two the older, higher count is one of fewer items than it says: those that are there.
    await replaceFailed(this.#failed, failed)
    await replaceDurably(this.#checkpoint, toJson(checkpoint))
  }

  get #checkpoint(): string {
    return join(this.path, 'checkpoint.json')
  }

  get #failed(): string {
    return join(this.path, 'failed')
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
}
