// The outcomes of a run that have not left the worker yet. In: results, item by item, in order. Out: OUTCOMES messages that
// cover the run's items from the front without a gap. Always true: a value is encoded before the next item runs, so what
// the function does later to an object that it returned changes nothing; numbers stay packed while all values are numbers,
// and objects are columns while all have the same keys, where that is wanted.
import { encodeValue, type Items } from '../../proto/items.js'
import type { Failure, ItemFailure } from '../../proto/outcome.js'
import { Preemption } from '../../proto/preemption.js'
import { linesOfRecords } from '../../proto/records.js'
import { RecordWriter } from '../../proto/records-writer.js'
import type { WorkerOutcomes } from '../message.js'
import { workerCpuSeconds } from './cpu.js'
import { EncodeClock } from './encode-clock.js'
import { FLUSH_BYTES, giveNumbers, NUMBERS, takeNumbers } from './numbers.js'

/** How long finished work may wait: less costs a frame more often, more loses more of it when the worker dies. */
const FLUSH_SECONDS = 0.15
/** Reports of a shard that takes its whole time box, about. */
const FLUSHES = 8
/** A value that is longer than this is refused, so that a frame stays under its cap. */
const VALUE_LIMIT_BYTES = 64 * 1024 * 1024

const { performance, Buffer } = globalThis

const nothing = (): void => {}

/** A value's text; throws for one that has no form. */
export const textOfValue = (value: unknown): string => {
  const text = encodeValue(value)
  if (text.length > VALUE_LIMIT_BYTES)
    throw new TypeError(`a value of ${text.length} characters, at most ${VALUE_LIMIT_BYTES}`)
  return text
}

/** Calls `onWritten` once the values have left. */
type Send = (outcomes: WorkerOutcomes, onWritten: () => void) => void

export class Part {
  readonly #run: number
  readonly #send: Send
  /** Values so far while all are numbers. Written by the tight loops as well, which move `count` themselves. */
  numbers: Float64Array
  count = 0
  /** The index of the next item. */
  next: number
  /** How long finished work waits. */
  #flushSeconds = FLUSH_SECONDS
  /** Values so far while all are objects with the same keys; where they may not be records, never. */
  #records: RecordWriter | undefined
  #takesRecords = false
  /** Once a value was neither, all of the part's as extended JSON texts. */
  #texts: string[] | undefined
  #failures: ItemFailure[] = []
  #textBytes = 0
  #start: number
  #computeSeconds = 0
  #decodeSeconds = 0
  readonly #encoding = new EncodeClock()
  #itemSeconds = 0
  readonly #cpuSeconds: () => number
  #cpuBefore: number
  #flushedAt = performance.now()
  readonly #preemption = new Preemption()
  #turns = 0
  /** The shortest. */
  #turnSeconds = Number.MAX_VALUE

  /** `cpuSeconds`: what the work has used so far. */
  constructor(run: number, start: number, count: number, send: Send, cpuSeconds = workerCpuSeconds) {
    this.#cpuSeconds = cpuSeconds
    this.#cpuBefore = cpuSeconds()
    this.#run = run
    this.#start = start
    this.next = start
    this.#send = send
    this.numbers = takeNumbers(count)
  }

  /** A shard that may take long reports less often: with thousands of slots the coordinator hears them all. */
  spreadOver(timeBoxSeconds: number): this {
    this.#flushSeconds = Math.max(FLUSH_SECONDS, timeBoxSeconds / FLUSHES)
    return this
  }

  /** Whoever reads the values makes objects of them. */
  takeRecords(): void {
    this.#takesRecords = true
  }

  /** How many more items fit before a flush. */
  get room(): number {
    return this.packed ? this.numbers.length - this.count : NUMBERS
  }

  /** More should not go into one message. */
  get isFull(): boolean {
    return this.#textBytes >= FLUSH_BYTES || this.room === 0
  }

  /** All values of the part are numbers as yet. */
  get packed(): boolean {
    return this.#texts === undefined && this.#records === undefined
  }

  get encodeSeconds(): number {
    return this.#encoding.seconds
  }

  /** The next item's value. */
  value(value: unknown): void {
    if (typeof value === 'number' && this.packed) {
      this.numbers[this.count++] = value
      this.next += 1
      return
    }
    const began = this.#encoding.begin()
    this.#encoding.end(began, this.#encode(value))
  }

  /** Whether it became a record. */
  #encode(value: unknown): boolean {
    try {
      if (this.#record(value)) return true
      this.text(textOfValue(value))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.fail({ reason: 'undecodable', message })
    }
    return false
  }

  /** Takes the next item's value as a record, if it is one like those before it. */
  #record(value: unknown): boolean {
    if (!this.#takesRecords || this.#texts !== undefined || this.count > 0) return false
    const records = this.#records ?? new RecordWriter()
    const bytesBefore = records.bytes
    if (!records.push(value)) return false
    this.#records = records
    this.#textBytes += records.bytes - bytesBefore
    this.next += 1
    return true
  }

  /** The next item's value, as its text. */
  text(text: string): void {
    this.#textBytes += text.length
    this.#textsOfAll().push(text)
    this.next += 1
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

  encoded(seconds: number): void {
    this.#encoding.seconds += seconds
  }

  /** An item's own time, where several are in progress at once. */
  took(seconds: number): void {
    this.#itemSeconds += seconds
  }

  /** The event loop had its turn between two chunks. */
  turned(seconds: number): void {
    this.#turns += 1
    this.#turnSeconds = Math.min(this.#turnSeconds, seconds)
  }

  get isEmpty(): boolean {
    return this.next === this.#start
  }

  /** What is in it should not wait for longer. */
  get dueAtSeconds(): number {
    return this.#flushedAt / 1000 + this.#flushSeconds
  }

  due(nowSeconds: number): boolean {
    return nowSeconds >= this.dueAtSeconds || this.isFull
  }

  flush(last: boolean): void {
    const began = performance.now()
    const { numbers } = this
    const values = this.#takeValues()
    const isPacked = values.form === 'f64'
    const cpu = this.#cpuSeconds()
    const cpuSeconds = Math.max(0, cpu - this.#cpuBefore)
    // What records were believed to take is no more than what there was.
    const computeSeconds = Math.max(0, this.#computeSeconds)
    const believedSeconds = this.#encoding.seconds + this.#computeSeconds - computeSeconds
    const encodeSeconds = believedSeconds + (performance.now() - began) / 1000
    const outcomes: WorkerOutcomes = {
      type: 'outcomes',
      run: this.#run,
      span: { start: this.#start, end: this.next },
      values,
      failures: this.#failures,
      timing: {
        computeSeconds,
        decodeSeconds: this.#decodeSeconds,
        encodeSeconds,
        cpuSeconds,
        itemSeconds: this.#itemSeconds,
        preemptedSeconds: this.#preemption.take({
          computeSeconds,
          codecSeconds: this.#decodeSeconds + encodeSeconds,
          turnSeconds: this.#turns * this.#turnSeconds,
          cpuSeconds,
        }),
      },
      last,
    }
    // The values leave without a copy: what comes next needs memory of its own.
    this.#send(outcomes, isPacked ? () => giveNumbers(numbers) : nothing)
    if (isPacked && !last) this.numbers = takeNumbers(numbers.length)
    if (!isPacked && last) giveNumbers(numbers)
    this.#start = this.next
    this.#failures = []
    this.#textBytes = 0
    this.#turns = 0
    this.#computeSeconds = this.#decodeSeconds = this.#encoding.seconds = this.#itemSeconds = 0
    this.#flushedAt = performance.now()
    this.#cpuBefore = cpu
  }

  #takeValues(): Items {
    const texts = this.#texts
    const count = this.count
    const records = this.#records?.end()
    this.#texts = undefined
    this.#records = undefined
    this.count = 0
    if (texts !== undefined) {
      const text = Buffer.from(texts.length === 0 ? '' : `${texts.join('\n')}\n`)
      return { form: 'json', count: texts.length, text }
    }
    return records ?? { form: 'f64', values: this.numbers.subarray(0, count) }
  }

  #textsOfAll(): string[] {
    if (this.#texts === undefined) {
      const records = this.#records?.end()
      this.#records = undefined
      this.#texts = records ? linesOfRecords(records) : Array.from(this.numbers.subarray(0, this.count), encodeValue)
      this.#textBytes += 8 * this.count
      this.count = 0
    }
    return this.#texts
  }
}
