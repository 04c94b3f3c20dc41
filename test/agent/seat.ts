// A worker of a test: real process, recorded events. In: code and runs. Out: what came of them.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { startWorker } from '../../agent/process.js'
import type { WorkerEvent } from '../../agent/worker.js'
import { type Items, joinItems, packValues, unpackItems } from '../../proto/items.js'
import type { ItemFailure } from '../../proto/outcome.js'
import { copyRecords } from '../../proto/records-block.js'
import type { JobSpec, RunnerName } from '../../proto/shard.js'
import { monotonicSeconds } from '../../proto/timing.js'

type Outcomes = Extract<WorkerEvent, { type: 'outcomes' }>
export type Ended = Extract<WorkerEvent, { type: 'ended' }>

export interface Code {
  readonly spec: Partial<JobSpec>
  readonly folder?: string
  readonly sharedFile?: string
}

/** All that is known of a run, up to its last outcomes or the worker's end. */
export interface Ran {
  readonly parts: readonly Outcomes[]
  readonly values: readonly unknown[]
  readonly failures: readonly ItemFailure[]
  /** The index behind the last item reported. */
  readonly reported: number
  readonly last: boolean
}

export const range = (count: number, start = 0): Items => ({ form: 'range', start, step: 1, count })
export const values = (...all: unknown[]): Items => packValues(all).items

const copied = (items: Items): Items => (items.form === 'records' ? copyRecords(items) : structuredClone(items))

/** Lists of objects that are alike, a kind of member at a time. */
export const ALIKE: readonly (readonly Record<string, unknown>[])[] = [
  Array.from({ length: 3000 }, (_, nth) => ({
    id: nth,
    score: nth / 2,
    name: `item ${nth}`,
    isOpen: nth % 2 === 0,
    tags: [nth, { nth }],
  })),
  [
    { zeros: 0, big: 2 ** 53, mixed: 0.5, odd: Number.NaN },
    { zeros: -0, big: 1e300, mixed: 1, odd: Infinity },
  ],
  [
    { text: 'é😀', lines: 'a\nb', half: '\ud800', none: null },
    { text: '', lines: '', half: 'x', none: 'null' },
  ],
  [{ large: 10n ** 30n, bytes: new Uint8Array([0, 255]) }],
]

export const writeFolder = (files: Record<string, string>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-test-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

export class Seat {
  readonly events: WorkerEvent[] = []
  readonly prints: string[] = []
  readonly worker
  readonly #runner: RunnerName
  #waiting: (() => void)[] = []
  #loads = 0
  #runs = 0

  /** It ends with the test, whatever becomes of that. */
  constructor(t: Pick<ExecutionContext, 'teardown'>, runner: RunnerName, cwd = tmpdir()) {
    this.#runner = runner
    this.worker = startWorker({
      runner,
      clock: monotonicSeconds,
      cwd,
      onEvent: event => {
        // The values' memory is used again.
        this.events.push(event.type === 'outcomes' ? { ...event, values: copied(event.values) } : event)
        this.#wake()
      },
      onPrint: line => {
        this.prints.push(line)
        this.#wake()
      },
    })
    t.teardown(() => this.worker.kill())
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** The first event that `choose` takes, now or later. */
  async until<T>(choose: (event: WorkerEvent) => T | undefined): Promise<T> {
    for (;;) {
      for (const event of this.events) {
        const chosen = choose(event)
        if (chosen !== undefined) return chosen
      }
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  load({ spec, folder, sharedFile }: Code): number {
    const load = ++this.#loads
    const whole: JobSpec = {
      job: 'job',
      name: 'test',
      operation: 'map',
      runner: this.#runner,
      entry: '',
      function: '',
      spread: false,
      ...spec,
    }
    this.worker.load(load, {
      spec: whole,
      ...(folder === undefined ? {} : { bundleFolder: folder }),
      ...(sharedFile === undefined ? {} : { sharedFile }),
    })
    return load
  }

  /** Resolves at the run's last outcomes, or at the worker's end. */
  async run(
    load: number,
    items: Items,
    options: { start?: number; careful?: boolean; timeBoxSeconds?: number } = {},
  ): Promise<Ran> {
    const run = ++this.#runs
    const { start = 0, careful = false, timeBoxSeconds = 60 } = options
    this.worker.run({ run, load, start, items, careful, timeBoxSeconds })
    await this.until(event =>
      event.type === 'ended' || (event.type === 'outcomes' && event.run === run && event.last) ? event : undefined,
    )
    const parts = this.events.filter(event => event.type === 'outcomes').filter(event => event.run === run)
    return {
      parts,
      values: unpackItems(joinItems(parts.map(part => part.values))),
      failures: parts.flatMap(part => part.failures),
      reported: parts.at(-1)?.span.end ?? start,
      last: parts.at(-1)?.last ?? false,
    }
  }

  ended(): Promise<Ended> {
    return this.until(event => (event.type === 'ended' ? event : undefined))
  }
}
