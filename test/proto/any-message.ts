// Messages of every type for property tests: whatever the domain's types allow.
import fc from 'fast-check'
import { blobChunkCodec, blobRequestCodec, bundleCodec, itemsCodec, jobSpecCodec } from '../../proto/blob-codec.js'
import type { MessageType } from '../../proto/envelope.js'
import { countOf, type Items, packValues, sliceItems } from '../../proto/items.js'
import type { Report } from '../../proto/outcome.js'
import type { ActiveJob, AgentWish } from '../../proto/presence.js'
import { beatCodec, broadcastCodec } from '../../proto/presence-codec.js'
import { RecordShape } from '../../proto/record-shape.js'
import { blockOf, readBlock } from '../../proto/records-block.js'
import { partCodec, reportCodec, reportsCodec, taskCodec } from '../../proto/shard-codec.js'
import { anyValue } from './any-value.js'

export interface MessageCase<T> {
  readonly type: MessageType
  readonly codec: { encode(value: T, version?: number): Uint8Array; decode(message: Uint8Array): T }
  readonly values: fc.Arbitrary<T>
}

const text = fc.string({ maxLength: 12 })
/** Any code points but lone surrogates, which UTF-8 does not have. */
const wide = fc.string({ unit: 'grapheme', maxLength: 12 })
const index = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat())
const small = fc.nat({ max: 2 ** 32 - 1 })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes).toString('hex'))
const ref = fc.record({ sha256: hash, sizeBytes: index })
const duration = fc.double({ min: 0, max: 1e9, noNaN: true }).map(seconds => seconds + 0)
const bytes = fc.uint8Array({ maxLength: 40 })

export const anyItems = (maxLength = 20): fc.Arbitrary<Items> =>
  fc.oneof(
    fc
      .record({ start: fc.integer(), step: fc.integer(), count: fc.nat({ max: maxLength }) })
      .map(range => ({ form: 'range' as const, ...range })),
    fc
      .tuple(fc.constantFrom('f64' as const, 'number' as const), fc.array(fc.double(), { maxLength }))
      .map(([form, values]) => ({ form, values: Float64Array.from(values) })),
    fc
      .array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength })
      .map(values => ({ form: 'i64' as const, values: BigInt64Array.from(values) })),
    fc
      .array(fc.record({ a: fc.double(), b: fc.string(), c: fc.boolean(), d: anyValue() }), { maxLength })
      .map(values => {
        const { items } = packValues(values)
        return items.form === 'records' ? readBlock(Uint8Array.from(blockOf(items))) : items
      }),
    fc.array(fc.oneof(fc.constant('"a text"'), fc.constant('[1,null]'), fc.constant('')), { maxLength }).map(lines => ({
      form: 'json' as const,
      count: lines.length,
      text: Uint8Array.from(Buffer.from(lines.map(line => `${line}\n`).join(''))),
    })),
  )

const timing = fc.record({
  computeSeconds: duration,
  decodeSeconds: duration,
  encodeSeconds: duration,
  dispatchSeconds: duration,
  cpuSeconds: duration,
  startSeconds: duration,
  waitSeconds: duration,
  itemSeconds: duration,
  preemptedSeconds: duration,
  lostSeconds: duration,
  elsewhereSeconds: duration,
})
const reason = fc.constantFrom('error', 'crash', 'timeout', 'cancelled', 'undecodable')
/** A text that is there is not empty. */
const said = fc.string({ minLength: 1, maxLength: 10 })

const anySpan = fc
  .tuple(fc.nat({ max: 2 ** 50 }), fc.nat({ max: 9 }))
  .map(([start, length]) => ({ start, end: start + length }))

const report: fc.Arbitrary<Report> = fc
  .record({
    start: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 50 })),
    items: fc.array(fc.boolean(), { maxLength: 12 }),
    failure: fc.record({ reason, message: wide, stack: said, stderr: said }, { requiredKeys: ['reason', 'message'] }),
    rest: fc.record(
      {
        job: text,
        epoch: index,
        shard: index,
        attempt: small,
        agent: text,
        slot: small,
        sequence: small,
        timing,
        last: fc.boolean(),
        suspects: anySpan,
        givenBack: anySpan,
        refusal: said,
      },
      { requiredKeys: ['job', 'epoch', 'shard', 'attempt', 'agent', 'slot', 'sequence', 'timing', 'last'] },
    ),
  })
  .map(({ start, items, failure, rest }) => {
    const end = start + items.length
    const failures = items.flatMap((fails, nth) => (fails ? [{ index: start + nth, ...failure }] : []))
    const values = packValues(items.filter(fails => !fails).map((_, nth) => nth + 0.5)).items
    return { ...rest, start, end, values, failures } as Report
  })

const versions = fc
  .tuple(fc.integer({ min: 1, max: 200 }), fc.nat({ max: 55 }))
  .map(([oldest, more]) => ({ oldest, newest: oldest + more }))

const held = fc.record({
  job: text,
  epoch: index,
  shard: index,
  attempt: small,
  started: fc.boolean(),
  reported: fc.boolean(),
})
const attempts = fc.array(fc.record({ shard: index, attempt: small }), { maxLength: 4 })
const activeJob = fc.record({
  job: text,
  epoch: index,
  spec: ref,
  version: fc.integer({ min: 1, max: 255 }),
  weight: small,
  nextShard: index,
  live: fc.record({ from: index, bits: bytes, others: attempts }),
  recalled: attempts,
  finishing: fc.boolean(),
})
const texts = fc.array(text, { minLength: 1, maxLength: 3 })
const mayHave = fc.record(
  {
    specContent: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    priority: fc.integer({ min: 1, max: 1e6 }).map(priority => (priority % 2 === 0 ? priority : -priority)),
    putAside: texts,
  },
  { requiredKeys: [] },
)
const active: fc.Arbitrary<ActiveJob> = fc.tuple(activeJob, mayHave).map(([job, more]) => ({ ...job, ...more }))
const needing: fc.Arbitrary<ActiveJob> = fc.tuple(active, texts).map(([job, needs]) => ({ ...job, needs }))
const wish: fc.Arbitrary<AgentWish> = fc.record(
  {
    agent: text,
    drain: fc.boolean(),
    slots: fc.record({ count: fc.integer({ min: 1, max: 65_536 }), askedMs: index }),
  },
  { requiredKeys: ['agent', 'drain'] },
)

const messageCase = <T>(
  type: MessageType,
  codec: MessageCase<T>['codec'],
  values: fc.Arbitrary<T>,
): MessageCase<unknown> => ({ type, codec, values }) as MessageCase<unknown>

export const MESSAGE_CASES: readonly MessageCase<unknown>[] = [
  messageCase(
    'task',
    taskCodec,
    fc.record({
      job: wide,
      epoch: index,
      shard: index,
      attempt: small,
      start: fc.nat({ max: 2 ** 50 }),
      items: fc.oneof(anyItems(), ref),
      careful: fc.boolean(),
      timeBoxSeconds: duration,
    }),
  ),
  messageCase('report', reportCodec, report),
  messageCase('reports', reportsCodec, fc.array(bytes, { maxLength: 5 })),
  messageCase(
    'beat',
    beatCodec,
    fc.record(
      {
        agent: text,
        host: wide,
        sequence: index,
        slots: fc.nat({ max: 65_536 }),
        draining: fc.boolean(),
        versions,
        program: text,
        held: fc.array(held, { maxLength: 4 }),
        labels: texts,
        wishedMs: fc.integer({ min: 1, max: 2 ** 50 }),
      },
      { requiredKeys: ['agent', 'host', 'sequence', 'slots', 'draining', 'versions', 'program', 'held'] },
    ),
  ),
  messageCase(
    'broadcast',
    broadcastCodec,
    fc.record(
      {
        coordinator: text,
        sequence: index,
        // Those that need labels come last.
        jobs: fc
          .tuple(fc.array(active, { maxLength: 3 }), fc.array(needing, { maxLength: 2 }))
          .map(([jobs, more]) => [...jobs, ...more]),
        closing: fc.boolean(),
        versions,
        program: text,
        wishes: fc.array(wish, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ['coordinator', 'sequence', 'jobs', 'closing', 'versions', 'program'] },
    ),
  ),
  messageCase(
    'jobSpec',
    jobSpecCodec,
    fc.record(
      {
        job: text,
        name: wide,
        operation: fc.constantFrom('map' as const, 'fold' as const),
        runner: fc.constantFrom('node' as const, 'python' as const, 'exec' as const),
        bundle: ref,
        entry: text,
        function: text,
        init: said,
        shared: fc.record({ blob: ref, kind: fc.constantFrom('json' as const, 'bytes' as const) }),
        spread: fc.boolean(),
        mapper: said,
        timeoutSeconds: fc.double({ min: 1e-3, max: 1e9, noNaN: true }),
        command: fc.record({ argv: fc.array(text, { minLength: 1, maxLength: 4 }), shell: fc.boolean() }),
        concurrency: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        takesRecords: fc.constant(true as const),
      },
      { requiredKeys: ['job', 'name', 'operation', 'runner', 'entry', 'function', 'spread'] },
    ),
  ),
  messageCase('bundle', bundleCodec, fc.array(fc.record({ path: wide, content: bytes }), { maxLength: 3 })),
  messageCase('items', itemsCodec, anyItems()),
  messageCase(
    'blobRequest',
    blobRequestCodec,
    fc.record({ coordinator: text, sha256: hash, offsetBytes: index, limitBytes: small }),
  ),
  messageCase(
    'blobChunk',
    blobChunkCodec,
    fc.record({ sizeBytes: index, data: fc.oneof(bytes, fc.constant(undefined)) }),
  ),
  messageCase('part', partCodec, fc.record({ sha256: hash, index: small, count: small, data: bytes })),
]

/** What each decoded message must be, whoever sent it; throws when it is not. */
export const checkWhole = (type: MessageType, value: unknown): void => {
  walk(type, value)
  if (type === 'report') checkReport(value as Report)
  if (type === 'items') checkItems(value as Items)
  if (type === 'task') {
    const { start, items } = value as { start: number; items: Items | { sha256: string } }
    if (!('sha256' in items) && !Number.isSafeInteger(start + countOf(items))) throw new Error('a task beyond 2^53')
  }
  if (type === 'part' || type === 'blobRequest') {
    const { sha256 } = value as { sha256: string }
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`${sha256} is no SHA-256`)
  }
}

const checkItems = (items: Items): void => {
  const count = countOf(items)
  for (let at = 0; at < Math.min(count, 40); at++)
    if (countOf(sliceItems(items, at, at + 1)) !== 1) throw new Error(`item ${at} of ${count} is not there`)
  if (items.form !== 'records') return
  if (items.columns.length !== items.shape.keys.length) throw new Error('a key without a column')
  for (const column of items.columns) {
    const held =
      'count' in column ? Buffer.from(column.text).toString('latin1').split('\n').length - 1 : column.values.length
    if (held !== count) throw new Error(`a column of ${held} for ${count} records`)
  }
}

const checkReport = ({ start, end, failures, suspects }: Report): void => {
  if (end < start) throw new Error('a report of less than nothing')
  let previous = start - 1
  for (const failure of failures) {
    if (failure.index <= previous || failure.index >= end) throw new Error('failures out of order')
    previous = failure.index
  }
  if (suspects && suspects.end < suspects.start) throw new Error('less than nothing is suspected')
}

/** Numbers are whole or durations, objects are plain. */
const walk = (path: string, value: unknown): void => {
  if (typeof value === 'number') {
    const isDuration = /Seconds$/.test(path)
    if (isDuration ? !(value >= 0 && Number.isFinite(value)) : !Number.isSafeInteger(value))
      throw new Error(`${path} is ${value}`)
  }
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof RecordShape) return
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype) throw new Error(`${path} is not plain`)
  for (const [key, inner] of Object.entries(value)) walk(`${path}.${key}`, inner)
}
