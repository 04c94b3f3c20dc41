// The outcomes of a run that have not left the worker yet. In: results, item by item, in order. Out: OUTCOMES messages that
// cover the run's items from the front without a gap. Always true: a value is encoded before the next item runs, so what
// the function does later to an object that it returned changes nothing; numbers stay packed while all values are numbers.
import { encodeValue, type Items } from '../../proto/items.js'
import type { Failure, ItemFailure } from '../../proto/outcome.js'
import { Preemption } from '../../proto/preemption.js'
import type { WorkerOutcomes } from '../message.js'

/** How long finished work may wait: less costs a frame more often, more loses more of it when the worker dies. */
const FLUSH_SECONDS = 0.1
const FLUSH_BYTES = 1024 * 1024
/** A value that is longer than this is refused, so that a frame stays under its cap. */
const VALUE_LIMIT_BYTES = 64 * 1024 * 1024
const NUMBERS = FLUSH_BYTES / 8

const { performance, Buffer } = globalThis

const ownCpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

export class Part {
  readonly #run: number
  readonly #send: (outcomes: WorkerOutcomes) => void
  /** Values so far while all are numbers. Written by the tight loops as well, which move `count` themselves. */
  numbers: Float64Array
  count = 0
  /** The index of the next item. */
  next: number
  /** Once a value was no number, all of the part's as extended JSON texts. */
  #texts: string[] | undefined
  #failures: ItemFailure[] = []
  #textBytes = 0
  #start: number
  #computeSeconds = 0
  #decodeSeconds = 0
  #encodeSeconds = 0
  readonly #cpuSeconds: () => number
  #cpuBefore: number
  #flushedAt = performance.now()
  readonly #preemption = new Preemption()
  #turns = 0
  /** The shortest. */
  #turnSeconds = Number.MAX_VALUE

  /** `cpuSeconds`: what the work has used so far. */
  constructor(
    run: number,
    start: number,
    count: number,
    send: (outcomes: WorkerOutcomes) => void,
    cpuSeconds = ownCpuSeconds,
  ) {
    this.#cpuSeconds = cpuSeconds
    this.#cpuBefore = cpuSeconds()
    this.#run = run
    this.#start = start
    this.next = start
    this.#send = send
    this.numbers = new Float64Array(Math.min(NUMBERS, count))
  }

  /** How many more items fit before a flush. */
  get room(): number {
    return this.#texts === undefined ? this.numbers.length - this.count : NUMBERS
  }

  /** All values of the part are numbers as yet. */
  get packed(): boolean {
    return this.#texts === undefined
  }

  get encodeSeconds(): number {
    return this.#encodeSeconds
  }

  /** The next item's value. */
  value(value: unknown): void {
    if (typeof value === 'number' && this.#texts === undefined) {
      this.numbers[this.count++] = value
      this.next += 1
      return
    }
    const began = performance.now()
    try {
      const text = encodeValue(value)
      if (text.length > VALUE_LIMIT_BYTES)
        throw new TypeError(`a value of ${text.length} characters, at most ${VALUE_LIMIT_BYTES}`)
      this.#textBytes += text.length
      this.#textsOfAll().push(text)
      this.next += 1
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.fail({ reason: 'undecodable', message })
    }
    this.#encodeSeconds += (performance.now() - began) / 1000
  }

  /** The next item's failure. */
  fail(failure: Failure): void {
    this.#failures.push({ index: this.next, ...failure })
    this.#textBytes += failure.message.length + (failure.stack?.length ?? 0) + 64
    this.next += 1
  }

  /** Ends a fold: one value for all items before `next`, or the failure of the item at `next`, and of that alone. */
  finishFold(next: number, folded: unknown, failure: Failure | undefined): void {
    this.next = next
    if (failure !== undefined) {
      this.#start = next
      this.fail(failure)
    } else if (next > this.#start) {
      this.next = next - 1
      this.value(folded)
      // A value without a form is the last item's failure.
      if (this.#failures.length > 0) this.#start = next - 1
    }
    this.flush(true)
  }

  computed(seconds: number): void {
    this.#computeSeconds += seconds
  }

  decoded(seconds: number): void {
    this.#decodeSeconds += seconds
  }

  /** The event loop had its turn between two chunks. */
  turned(seconds: number): void {
    this.#turns += 1
    this.#turnSeconds = Math.min(this.#turnSeconds, seconds)
  }

  due(nowSeconds: number): boolean {
    return nowSeconds - this.#flushedAt / 1000 >= FLUSH_SECONDS || this.#textBytes >= FLUSH_BYTES || this.room === 0
  }

  flush(last: boolean): void {
    const began = performance.now()
    const values = this.#takeValues()
    const cpu = this.#cpuSeconds()
    const cpuSeconds = Math.max(0, cpu - this.#cpuBefore)
    const encodeSeconds = this.#encodeSeconds + (performance.now() - began) / 1000
    this.#send({
      type: 'outcomes',
      run: this.#run,
      span: { start: this.#start, end: this.next },
      values,
      failures: this.#failures,
      timing: {
        computeSeconds: this.#computeSeconds,
        decodeSeconds: this.#decodeSeconds,
        encodeSeconds,
        cpuSeconds,
        preemptedSeconds: this.#preemption.take({
          computeSeconds: this.#computeSeconds,
          codecSeconds: this.#decodeSeconds + encodeSeconds,
          turnSeconds: this.#turns * this.#turnSeconds,
          cpuSeconds,
        }),
      },
      last,
    })
    this.#start = this.next
    this.#failures = []
    this.#textBytes = 0
    this.#turns = 0
    this.#computeSeconds = this.#decodeSeconds = this.#encodeSeconds = 0
    this.#flushedAt = performance.now()
    this.#cpuBefore = cpu
  }

  #takeValues(): Items {
    const texts = this.#texts
    const count = this.count
    this.#texts = undefined
    this.count = 0
    if (texts !== undefined) {
      const text = Buffer.from(texts.length === 0 ? '' : `${texts.join('\n')}\n`)
      return { form: 'json', count: texts.length, text }
    }
    // The values leave without a copy: what comes next needs memory of its own.
    const values = this.numbers.subarray(0, count)
    this.numbers = new Float64Array(count === 0 ? this.numbers.length : Math.min(NUMBERS, this.numbers.length))
    return { form: 'f64', values }
  }

  #textsOfAll(): string[] {
    if (this.#texts === undefined) {
      this.#texts = Array.from(this.numbers.subarray(0, this.count), encodeValue)
      this.#textBytes += 8 * this.count
      this.count = 0
    }
    return this.#texts
  }
}
