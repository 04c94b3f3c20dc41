import test from 'ava'
import fc from 'fast-check'
import { itemsCodec, jobSpecCodec } from '../../proto/blob-codec.js'
import { MessageError, unwrap, wrap } from '../../proto/envelope.js'
import * as wire from '../../proto/gen/wire.js'
import { EMPTY_ITEMS } from '../../proto/items.js'
import type { Report } from '../../proto/outcome.js'
import { beatCodec, broadcastCodec } from '../../proto/presence-codec.js'
import { reportCodec, taskCodec } from '../../proto/shard-codec.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import { VERSIONS } from '../../proto/version.js'
import { checkWhole, MESSAGE_CASES } from './any-message.js'

for (const { type, codec, values } of MESSAGE_CASES) {
  test(`every ${type} comes back as it was sent`, t => {
    let message: unknown
    fc.assert(
      fc.property(values, value => {
        const bytes = codec.encode(value)
        message = codec.decode(bytes)
        checkWhole(type, message)
        // Bytes are compared as bytes, whatever view they are.
        if (Buffer.compare(codec.encode(message), bytes) !== 0) throw new Error('it came back changed')
        t.deepEqual(plain(message), plain(value))
      }),
      { numRuns: 400 },
    )
    t.pass()
  })

  test(`a damaged ${type} is refused, or is a whole one`, t => {
    const before = Object.getOwnPropertyNames(Object.prototype).join()
    let read = 0
    let refused = 0
    fc.assert(
      fc.property(values, fc.array(damage(), { minLength: 1, maxLength: 4 }), (value, damages) => {
        // The checksum is mended, as a hostile sender would: what is behind it must stand by itself.
        const body = damages.reduce(apply, Uint8Array.from(unwrap(type, codec.encode(value))))
        try {
          checkWhole(type, codec.decode(wrap(type, body)))
          read++
        } catch (error) {
          if (!(error instanceof MessageError)) throw error
          refused++
        }
      }),
      { numRuns: 4000 },
    )
    t.is(Object.getOwnPropertyNames(Object.prototype).join(), before)
    t.true(read > 0 && refused > 0, `${read} read, ${refused} refused`)
  })

  test(`bytes that are no ${type} are refused, or are a whole one`, t => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, isWrapped) => {
        try {
          checkWhole(type, codec.decode(isWrapped ? wrap(type, bytes) : bytes))
        } catch (error) {
          if (!(error instanceof MessageError)) throw error
        }
      }),
      { numRuns: 4000 },
    )
    t.pass()
  })
}

/** Views become arrays, absent stays absent. */
const plain = (value: unknown): unknown => {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

interface Damage {
  readonly kind: 'turn' | 'set' | 'cut' | 'insert' | 'repeat' | 'remove'
  readonly at: number
  readonly byte: number
  readonly length: number
}

const damage = (): fc.Arbitrary<Damage> =>
  fc.record({
    kind: fc.constantFrom('turn', 'turn', 'set', 'set', 'cut', 'insert', 'repeat', 'remove'),
    at: fc.nat(),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 127, 128, 255)),
    length: fc.integer({ min: 1, max: 12 }),
  })

const apply = (bytes: Uint8Array, { kind, at: anywhere, byte, length }: Damage): Uint8Array => {
  if (bytes.length === 0) return Uint8Array.of(byte)
  const at = anywhere % bytes.length
  const [front, back] = [bytes.slice(0, at), bytes.slice(at)]
  switch (kind) {
    case 'turn':
    case 'set':
      back[0] = kind === 'set' ? byte : (back[0] as number) ^ (1 << (byte & 7))
      return Buffer.concat([front, back])
    case 'cut':
      return front
    case 'insert':
      return Buffer.concat([front, new Uint8Array(length).fill(byte), back])
    case 'repeat':
      return Buffer.concat([front, back.subarray(0, length), back])
    case 'remove':
      return Buffer.concat([front, back.subarray(length)])
  }
}

const report: Report = {
  job: 'j',
  epoch: 1,
  shard: 2,
  attempt: 3,
  agent: 'a',
  slot: 0,
  sequence: 0,
  start: 10,
  end: 13,
  values: EMPTY_ITEMS,
  failures: [],
  timing: NO_SLOT_TIME,
  last: true,
}
const failure = (index: number) => ({ index, reason: 'error' as const, message: '' })
const raw = (change: (message: wire.Report) => Partial<wire.Report>): Uint8Array => {
  const message = wire.Report.decode(unwrap('report', reportCodec.encode(report)))
  return wrap('report', wire.Report.encode({ ...message, ...change(message) }).finish())
}

test('failures stand in order within the span', t => {
  for (const indices of [[9], [13], [11, 11], [12, 11]]) {
    const bytes = reportCodec.encode({ ...report, failures: indices.map(failure) })
    t.throws(() => reportCodec.decode(bytes), { instanceOf: MessageError, message: /in order within the span/ })
  }
  t.notThrows(() => reportCodec.decode(reportCodec.encode({ ...report, failures: [failure(10), failure(12)] })))
})

test('a report is not read when a part of it is missing or impossible', t => {
  const timed = (change: Partial<wire.Timing>) => (message: wire.Report) => ({
    timing: { ...(message.timing as wire.Timing), ...change },
  })
  const expected: [RegExp, Parameters<typeof raw>[0]][] = [
    [/span is missing/, () => ({ span: undefined })],
    [/ends before it starts/, () => ({ span: { start: 5n, end: 4n } })],
    [/beyond 2\^53/, () => ({ span: { start: 0n, end: 2n ** 53n } })],
    [/without a form/, () => ({ values: undefined })],
    [/without timing/, () => ({ timing: undefined })],
    [/not a duration/, timed({ computeSeconds: -1 })],
    [/not a duration/, timed({ waitSeconds: Number.NaN })],
    [/ends before it starts/, () => ({ suspects: { start: 5n, end: 4n } })],
  ]
  for (const [message, change] of expected)
    t.throws(() => reportCodec.decode(raw(change)), { instanceOf: MessageError, message })
})

test('packed numbers are read where they lie in the message, whatever stands in front of them', t => {
  for (let length = 0; length < 300; length++) {
    const values = { form: 'f64', values: Float64Array.from({ length: 1 + (length % 40) }, Math.sqrt) } as const
    const message = Uint8Array.from(
      reportCodec.encode({ ...report, end: 10 + values.values.length, job: 'j'.repeat(length), values }),
    )
    const read = reportCodec.decode(message).values
    t.true(read.form === 'f64' && read.values.buffer === message.buffer, `${length}`)
    t.deepEqual(read, values)
  }
})

test('packed values are as many as they say', t => {
  const items = (form: NonNullable<wire.Items['form']>, count: bigint): Uint8Array =>
    wrap('items', wire.Items.encode({ count, form, padding: new Uint8Array() }).finish())
  const refused: Uint8Array[] = [
    items({ $case: 'f64', value: new Uint8Array(15) }, 2n),
    items({ $case: 'i64', value: new Uint8Array(16) }, 1n),
    items({ $case: 'number', value: new Uint8Array(8) }, 2n ** 60n),
    items({ $case: 'json', value: Buffer.from('1\n2') }, 2n),
    items({ $case: 'json', value: Buffer.from('1\n2\n') }, 3n),
    items({ $case: 'range', value: { start: 0n, step: 1n } }, 2n ** 53n),
    items({ $case: 'range', value: { start: 2n ** 52n, step: 2n ** 52n } }, 3n),
    items({ $case: 'reference', value: { sha256: new Uint8Array(32), sizeBytes: 1n } }, 0n),
  ]
  for (const bytes of refused) t.throws(() => itemsCodec.decode(bytes), { instanceOf: MessageError })
})

test('a task whose items would go beyond what a number can count is refused', t => {
  const items = { form: 'range', start: 0, step: 0, count: 10 } as const
  const task = { job: 'j', epoch: 1, shard: 0, attempt: 1, items, careful: false, timeBoxSeconds: 1 }
  t.notThrows(() => taskCodec.decode(taskCodec.encode({ ...task, start: Number.MAX_SAFE_INTEGER - 10 })))
  t.throws(() => taskCodec.decode(taskCodec.encode({ ...task, start: Number.MAX_SAFE_INTEGER - 9 })), {
    instanceOf: MessageError,
  })
})

test('a runner or an operation that nobody knows is refused', t => {
  const spec = { job: '', name: '', operation: 'map', runner: 'node', entry: '', function: '', spread: false } as const
  const message = wire.JobSpec.decode(unwrap('jobSpec', jobSpecCodec.encode(spec)))
  for (const change of [{ runner: 'constructor' }, { operation: 7 }, { operation: 0 }]) {
    const bytes = wrap('jobSpec', wire.JobSpec.encode({ ...message, ...(change as object) }).finish())
    t.throws(() => jobSpecCodec.decode(bytes), { instanceOf: MessageError, message: /unknown/ })
  }
})

test('more slots than any agent has are refused: each would cost the coordinator memory', t => {
  const beat = { agent: 'a', host: 'h', sequence: 1, draining: false, versions: VERSIONS, program: '', held: [] }
  t.is(beatCodec.decode(beatCodec.encode({ ...beat, slots: 65_536 })).slots, 65_536)
  const message = beatCodec.encode({ ...beat, slots: 65_537 })
  t.throws(() => beatCodec.decode(message), { instanceOf: MessageError, message: /65537 slots; at most 65536/ })
})

test('an agent from before labels does not see a job that needs some, and one that knows them does', t => {
  const job = {
    epoch: 1,
    spec: { sha256: 'a1'.repeat(32), sizeBytes: 1 },
    version: 1,
    weight: 1,
    nextShard: 0,
    live: { from: 0, bits: new Uint8Array(), others: [] },
    recalled: [],
    finishing: false,
  }
  const message = broadcastCodec.encode({
    coordinator: 'c',
    sequence: 1,
    jobs: [
      { ...job, job: 'choosy', needs: ['gpu'] },
      { ...job, job: 'plain' },
    ],
    closing: false,
    versions: { oldest: 1, newest: 1 },
    program: '1',
  })
  // Field 3 is all that such an agent reads of jobs.
  const { jobs } = wire.Broadcast.decode(unwrap('broadcast', message))
  t.deepEqual(
    jobs.map(each => each.job),
    ['plain'],
  )
  const heard = broadcastCodec.decode(message).jobs
  t.deepEqual(
    heard.map(each => [each.job, each.needs]),
    [
      ['plain', undefined],
      ['choosy', ['gpu']],
    ],
  )
})
