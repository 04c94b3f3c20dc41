// The command itself as the one worker: a plain loop over the input, for jobs that a process would cost more than it helps.
// In: JobRequests for JavaScript functions. Out: JobEnds. Always true: outcomes are in the order of the items; the event
// loop has its turn after each chunk, so that Ctrl-C is heard; a function that ends its process ends the command.
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { type Loaded, loadCode } from '../../agent/runner/node/load.js'
import type { BlobSource } from '../../proto/blob.js'
import { failureOf } from '../../proto/failure.js'
import { countOf, type Items, packLines, unpackItems } from '../../proto/items.js'
import type { Readable } from '../../proto/loop.js'
import type { Outcomes } from '../../proto/outcome.js'
import { monotonicSeconds } from '../../proto/timing.js'
import { Accounts } from '../accounts.js'
import { CallerAccount } from '../inline/caller-account.js'
import { MapPart } from '../inline/map.js'
import type { Hands, JobEnd, JobRequest } from '../job.js'
import type { Results } from '../output/results.js'
import { Settling } from '../settling.js'

/** How long the event loop waits for a chunk at most, but for one item. */
const CHUNK_SECONDS = 0.005
const GROWTH = 8
const CHUNK_BYTES = 1024 * 1024

export const openInline = (): Hands => {
  const folders: string[] = []
  const removeFolders = (): void => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', removeFolders)
  return {
    slots: 1,
    claim: () => ({ ready: 1, workers: async () => 0, release: () => {} }),
    run: async request => {
      const giveBack = lendStandardError()
      try {
        return await new InlineRun(request, await load(request, folders)).toEnd()
      } finally {
        giveBack()
      }
    },
    close: async () => {
      process.off('exit', removeFolders)
      removeFolders()
    },
  }
}

/** What the function prints goes where a worker's prints go: standard output is left to the results. */
const lendStandardError = (): (() => void) => {
  const own = Object.getOwnPropertyDescriptor(process, 'stdout')
  if (own === undefined) return () => {}
  Object.defineProperty(process, 'stdout', { ...own, get: () => process.stderr })
  return () => Object.defineProperty(process, 'stdout', own)
}

const contentOf = async (content: Uint8Array | BlobSource): Promise<Uint8Array> =>
  content instanceof Uint8Array ? content : content.read(0, content.ref.sizeBytes)

/** Puts the bundle where it can be imported from, as an agent does. */
const load = async ({ function: fn, spread, shared, operation }: JobRequest, folders: string[]): Promise<Loaded> => {
  // Stacks name the user's sources, as in a worker.
  process.setSourceMapsEnabled(true)
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-inline-'))
  folders.push(folder)
  for (const { path, content } of fn.bundle ?? []) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  const sharedFile = join(folder, 'shared')
  if (shared !== undefined) writeFileSync(sharedFile, await contentOf(shared.content))
  const blob = { sha256: '', sizeBytes: 0 }
  return loadCode({
    spec: {
      job: 'inline',
      name: fn.name,
      operation,
      runner: fn.runner,
      entry: fn.entry,
      function: fn.function,
      spread: spread ?? false,
      ...(fn.init !== undefined && { init: fn.init }),
      ...(fn.mapper !== undefined && { mapper: fn.mapper }),
      ...(shared && { shared: { blob, kind: shared.kind } }),
    },
    ...(fn.bundle && { bundleFolder: folder }),
    ...(shared && { sharedFile }),
  })
}

/** Packed numbers and ranges are read in place. */
const readableOf = (items: Items): Readable => {
  if (items.form === 'range') return items
  if (items.form === 'f64' || items.form === 'number') return { form: 'doubles', values: items.values }
  return { form: 'values', values: unpackItems(items) }
}

class InlineRun {
  readonly #request: JobRequest
  readonly #loaded: Loaded
  readonly #accounts: Accounts
  readonly #account: CallerAccount
  readonly #settling: Settling
  #state: JobEnd['state'] | 'running' = 'running'
  #why: string | undefined
  #settled = 0
  /** Of a fold: what is folded so far. */
  #folded: { value: unknown } | undefined

  constructor(request: JobRequest, loaded: Loaded) {
    this.#request = request
    this.#loaded = loaded
    const job = `inline-${randomBytes(4).toString('hex')}`
    this.#accounts = new Accounts({ job, name: request.function.name, placement: 'inline' })
    this.#account = new CallerAccount(this.#accounts, monotonicSeconds())
    this.#settling = new Settling({
      request,
      operation: request.operation,
      settledItems: () => this.#settled,
      isBroken: () => this.#state === 'broken',
      onTooManyFailures: why => this.#end('stopped', why),
      onBroken: why => this.#end('broken', why),
      onRoom: () => {},
    })
  }

  async toEnd(): Promise<JobEnd> {
    const { signal, abort, input } = this.#request
    const onAbort = (): void => this.#end('interrupted')
    for (const each of [signal, abort]) {
      each?.addEventListener('abort', onAbort)
      if (each?.aborted) onAbort()
    }
    try {
      await (this.#request.operation === 'fold' ? this.#fold() : this.#map())
      await input.close()
      await this.#settling.written()
      this.#end('done')
    } catch (error) {
      this.#end('broken', (error as Error).message)
    }
    await this.#settling.close(this.#state === 'done' ? 'commit' : 'abandon')
    const now = monotonicSeconds()
    this.#account.report(now)
    const { failed, failures } = this.#settling
    const { job } = this.#accounts
    return {
      job,
      state: this.#state as JobEnd['state'],
      settled: this.#settled,
      failed,
      failures,
      ...(this.#why !== undefined && { why: this.#why }),
      receipt: this.#accounts.receipt(this.#settled, failed, now),
    }
  }

  async #map(): Promise<void> {
    const { call, spread } = this.#loaded
    const { retries } = this.#request.options
    const results: Results = {
      hasRoom: true,
      room: ({ index }) => ({ type: 'array', values: [], base: index }),
      ran: ({ index }, room, failures) => {
        const all = room.values as unknown[]
        const failed = new Set(failures.map(failure => failure.index - index))
        const values = packLines(failed.size === 0 ? all : all.filter((_, nth) => !failed.has(nth))).items
        this.#settle({ start: index, end: index + all.length, values, failures })
      },
      write: async () => {},
      commit: async () => {},
      abandon: async () => {},
    }
    const part = new MapPart({ call, results, spread, retries, clock: monotonicSeconds, onWait: () => {} })
    await this.#chunks(async (items, count) => {
      const piece = { index: this.#settled, items: readableOf(items), from: 0, to: count }
      part.prepare(piece)
      await part.run(piece)
    })
  }

  async #fold(): Promise<void> {
    const { call, mapper, spread } = this.#loaded
    await this.#chunks(async (items, count) => {
      const values = unpackItems(items)
      for (let nth = 0; nth < count; nth++) {
        try {
          const given = values[nth]
          const value =
            mapper === undefined ? given : await (spread && Array.isArray(given) ? mapper(...given) : mapper(given))
          this.#folded = { value: this.#folded === undefined ? value : await call(this.#folded.value, value) }
        } catch (error) {
          const index = this.#settled + nth
          const { items: none } = packLines([])
          this.#settle({
            start: this.#settled,
            end: index + 1,
            values: none,
            failures: [{ index, ...failureOf(error) }],
          })
          return
        }
      }
      this.#settled += count
    })
    if (this.#folded !== undefined && this.#state === 'running')
      this.#settling.settle({
        start: 0,
        end: this.#settled,
        values: packLines([this.#folded.value]).items,
        failures: [],
      })
  }

  /** The input in chunks of about CHUNK_SECONDS, until its end or the job's. */
  async #chunks(run: (items: Items, count: number) => Promise<void>): Promise<void> {
    const { input } = this.#request
    let most = 1
    while (this.#state === 'running') {
      const batch = await input.next(most, CHUNK_BYTES)
      if (batch === undefined) return
      const beganAt = monotonicSeconds()
      if ('undecodable' in batch) {
        const index = this.#settled
        const failures = [{ index, reason: 'undecodable', message: batch.undecodable } as const]
        this.#settle({ start: index, end: index + 1, values: packLines([]).items, failures })
        continue
      }
      const count = countOf(batch.items)
      await run(batch.items, count)
      const now = monotonicSeconds()
      const seconds = Math.max(now - beganAt, 1e-9)
      this.#account.ran(count, seconds, now)
      most = Math.max(1, Math.min(Math.floor((count * CHUNK_SECONDS) / seconds), count * GROWTH))
      await turn()
      await this.#settling.written()
    }
  }

  #settle(outcomes: Outcomes): void {
    this.#settled = outcomes.end
    this.#settling.settle(outcomes)
  }

  #end(state: JobEnd['state'], why?: string): void {
    if (this.#state !== 'running' && !(state === 'broken' && this.#state === 'done')) return
    this.#state = state
    this.#why = why
  }
}
