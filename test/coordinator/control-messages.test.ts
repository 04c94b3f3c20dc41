// What goes through gRPC comes back as it was.
import test from 'ava'
import fc from 'fast-check'
import {
  agentOfWire,
  agentToWire,
  askedOfWire,
  askedToWire,
  detailOfWire,
  detailToWire,
  END_OF_SUBMISSION,
  partOfWire,
  partToWire,
  resultsAskedOfWire,
  viewOfWire,
  viewToWire,
} from '../../coordinator/control-messages.js'
import { outcomesOfWire, outcomesToWire } from '../../coordinator/control-outcomes.js'
import { type AgentView, type AskedPart, DeskError, type JobAsked, type JobView } from '../../coordinator/serve/desk.js'
import { JobDescription, ResultsResponse, type SharedFormat } from '../../proto/gen/control.js'
import { countOf, type Items, packValues, unpackItems } from '../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'

const optional = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined })
/** Without what was not said: on the wire that is nothing. */
const said = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T

const text = fc.string({ minLength: 1, maxLength: 20 })
const count = fc.integer({ min: 1, max: 0x7fff_ffff })
const whole = fc.maxSafeNat()

const askedArb: fc.Arbitrary<JobAsked> = fc
  .record({
    name: text,
    runner: fc.constantFrom('node', 'python', 'exec'),
    entry: fc.string(),
    function: fc.string(),
    init: optional(text),
    command: optional(fc.array(text, { minLength: 1, maxLength: 4 })),
    shell: optional(fc.constant(true)),
    shared: optional(fc.constantFrom('json', 'bytes')),
    spread: optional(fc.constant(true)),
    timeoutSeconds: optional(fc.double({ min: 0.001, max: 1e6, noNaN: true })),
    retries: optional(count),
    maxFailures: optional(
      fc.oneof(
        whole.map(items => ({ count: items })),
        fc.double({ min: 0, max: 1, noNaN: true }).map(fraction => ({ fraction })),
      ),
    ),
    shardSize: optional(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    concurrency: optional(count),
    weight: optional(fc.integer({ min: 1, max: 1000 })),
    priority: optional(fc.integer({ min: -1000, max: -1 })),
    maxSlots: optional(count),
    needs: optional(fc.array(text, { minLength: 1, maxLength: 4 })),
    input: fc.oneof(
      fc.record({ start: fc.maxSafeInteger(), end: fc.maxSafeInteger(), step: fc.maxSafeInteger() }),
      fc.record({ format: fc.constantFrom('jsonl', 'lines', 'csv', 'json'), name: optional(text) }).map(said),
    ),
  })
  .map(said) as fc.Arbitrary<JobAsked>

const viewArb: fc.Arbitrary<JobView> = fc
  .record({
    id: text,
    number: whole,
    name: text,
    state: fc.constantFrom('waiting', 'running', 'done', 'stopped', 'cancelled', 'broken'),
    items: optional(whole),
    settled: whole,
    failed: whole,
    wallSeconds: fc.double({ min: 0, noNaN: true }),
    why: optional(text),
    submitted: text,
    owner: optional(text),
    weight: count,
    priority: fc.integer({ min: -1000, max: 1000 }),
    slots: count,
  })
  .map(said) as fc.Arbitrary<JobView>

test('a job that is asked for is the same behind the wire', t => {
  fc.assert(
    fc.property(askedArb, asked => {
      const bytes = JobDescription.encode(askedToWire(asked)).finish()
      t.deepEqual(askedOfWire(JobDescription.decode(bytes)), asked)
    }),
  )
})

test('views, agents and details are', t => {
  const agent: AgentView = {
    name: 'a',
    host: 'h',
    slots: 4,
    busySlots: 1,
    draining: true,
    secondsSinceBeat: 0.5,
    labels: ['gpu'],
    program: '1.2.3',
    why: 'no',
  }
  t.deepEqual(agentOfWire(agentToWire(agent)), agent)
  fc.assert(
    fc.property(viewArb, askedArb, (view, asked) => {
      t.deepEqual(viewOfWire(viewToWire(view)), view)
      const failures: ItemFailure[] = [
        { index: 3, reason: 'error', message: 'm', stack: 's' },
        { index: 5, reason: 'crash', message: '' },
      ]
      t.deepEqual(detailOfWire(detailToWire({ view, asked, failures })), { view, asked, failures })
    }),
  )
})

test('parts are, and what is none is refused', t => {
  const parts: AskedPart[] = [
    { type: 'file', path: 'a/b.py', data: new Uint8Array([1]) },
    { type: 'shared', data: new Uint8Array() },
    { type: 'input', data: new Uint8Array([2, 3]) },
  ]
  for (const part of parts) t.deepEqual(partOfWire(partToWire(part)), part)
  t.throws(() => partOfWire({ part: undefined }), { message: /expected file, shared, input or end/ })
  t.is(partOfWire(END_OF_SUBMISSION), undefined)
})

test('numbers that no double holds are refused by the name of their field', t => {
  const asked = askedToWire({
    name: 'x',
    runner: 'node',
    entry: '',
    function: 'f',
    input: { start: 0, end: 1, step: 1 },
  })
  const huge = 2n ** 60n
  t.throws(() => askedOfWire({ ...asked, input: { $case: 'range', value: { start: 0n, end: huge, step: 1n } } }), {
    message: /range.end: expected an integer within/,
  })
  t.throws(() => askedOfWire({ ...asked, shardSize: huge }), { message: /shard_size/ })
  t.throws(() => askedOfWire({ ...asked, input: undefined }), { message: /format: expected a range/ })
})

test('what a message says and this program does not know is refused, not left out', t => {
  const asked = askedToWire({ name: 'x', runner: 'node', entry: '', function: 'f', input: { format: 'lines' } })
  t.notThrows(() => askedOfWire(asked))
  const unknown = 7 as SharedFormat
  t.throws(() => askedOfWire({ ...asked, sharedFormat: unknown }), {
    instanceOf: DeskError,
    message: /^shared_format: expected SHARED_FORMAT_JSON or SHARED_FORMAT_BYTES, or none, got 7$/,
  })
  t.throws(() => askedOfWire({ ...asked, maxFailures: { limit: undefined } }), {
    instanceOf: DeskError,
    message: /^max_failures: expected items or a fraction/,
  })
})

test('results are asked for from an item that there can be', t => {
  const request = { jobId: '1-x', startIndex: 5n, unordered: true, settledOnly: false, acceptsF64: true }
  t.deepEqual(resultsAskedOfWire(request), { start: 5, ordered: false, settledOnly: false })
  t.throws(() => resultsAskedOfWire({ ...request, startIndex: 2n ** 53n + 1n }), {
    instanceOf: DeskError,
    message: /^start_index: expected an integer within/,
  })
})

/** Batches as an encoder and a decoder leave them. */
const through = (outcomes: Outcomes, acceptsF64: boolean): Outcomes[] =>
  Array.from(outcomesToWire(outcomes, acceptsF64), batch =>
    outcomesOfWire(ResultsResponse.decode(ResultsResponse.encode(batch).finish())),
  )

const MIB = 1024 * 1024

test('outcomes of every form are, in batches of a MiB or so', t => {
  const forms: Items[] = [
    { form: 'range', start: 7, step: 3, count: 200_000 },
    { form: 'f64', values: Float64Array.from({ length: 300_000 }, (_, nth) => Math.sqrt(nth)) },
    { form: 'i64', values: BigInt64Array.from({ length: 1000 }, (_, nth) => BigInt(nth) * 10n ** 12n) },
    packValues([1, -0, Number.NaN, 'x', null, { a: [1n] }, undefined]).items,
    packValues(Array.from({ length: 1000 }, (_, nth) => ({ nth, text: 'x'.repeat(nth) }))).items,
    packValues(['y'.repeat(3 * MIB), 'z']).items,
    packValues([]).items,
  ]
  for (const values of forms)
    for (const acceptsF64 of [false, true]) {
      const failed = [0, 5].filter(index => index <= countOf(values))
      const failures = failed.map((index): ItemFailure => ({ index: 100 + index, reason: 'error', message: 'no' }))
      const outcomes: Outcomes = { start: 100, end: 100 + countOf(values) + failures.length, values, failures }
      const batches = through(outcomes, acceptsF64)
      t.deepEqual(
        batches.flatMap(batch => unpackItems(batch.values)),
        unpackItems(values),
      )
      t.deepEqual(
        batches.flatMap(batch => batch.failures),
        failures,
      )
      let next = 100
      for (const { start, end, values, failures } of batches) {
        t.is(start, next)
        t.is(countOf(values) + failures.length, end - start)
        next = end
      }
      t.is(next, outcomes.end)
      for (const batch of outcomesToWire(outcomes, acceptsF64)) {
        const bytes = ResultsResponse.encode(batch).finish().byteLength
        t.true(bytes < 1.3 * MIB || batch.endIndex - batch.startIndex === 1n, `${bytes} bytes of ${values.form}`)
      }
    }
})
