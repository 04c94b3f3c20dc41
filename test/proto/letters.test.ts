import test from 'ava'
import fc from 'fast-check'
import { isComplete } from '../../coordinator/gather.js'
import { ReportReader } from '../../coordinator/report-reader.js'
import { sizeOf, unpackItems } from '../../proto/items.js'
import { toMessages, toOneMessage, toReports } from '../../proto/letters.js'
import { silentLog } from '../../proto/log.js'
import type { Report } from '../../proto/outcome.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'

const report = (start: number, end: number, failing: (index: number) => boolean = () => false): Report => {
  const indices = Array.from({ length: end - start }, (_, nth) => start + nth)
  return {
    job: 'j',
    epoch: 1,
    shard: 4,
    attempt: 2,
    agent: 'a',
    slot: 1,
    sequence: 3,
    start,
    end,
    values: { form: 'f64', values: Float64Array.from(indices.filter(index => !failing(index))) },
    failures: indices.filter(failing).map(index => ({ index, reason: 'error', message: 'no'.repeat(index % 5) })),
    timing: { ...NO_SLOT_TIME, computeSeconds: 1.5 },
    last: true,
    suspects: { start: end, end: end + 1 },
  }
}

test('a report that fits stays whole', t => {
  const whole = report(0, 4)
  t.deepEqual(toReports(whole, 2 * 32, true), [whole])
})

test('a report that is too large is cut, its end told once and its time shared', t => {
  const pieces = toReports(report(0, 8), 2 * 32, true)
  t.deepEqual(
    pieces.map(({ start, end, last, suspects, timing }) => [start, end, last, suspects?.start, timing.computeSeconds]),
    [
      [0, 4, false, undefined, 0.75],
      [4, 8, true, 8, 0.75],
    ],
  )
})

test('the one value of a fold is never cut', t => {
  t.is(toReports(report(0, 100), 2 * 8, false).length, 1)
})

test('pieces together are the report, none too large, and only the newest is the last', t => {
  fc.assert(
    fc.property(
      fc.nat({ max: 60 }),
      fc.nat({ max: 2 ** 16 }),
      fc.integer({ min: 8, max: 200 }),
      (items, bits, limit) => {
        const whole = report(10, 10 + items, index => ((bits >> (index % 16)) & 1) === 1)
        const pieces = toReports(whole, 2 * limit, true)
        let next = whole.start
        for (const [nth, piece] of pieces.entries()) {
          if (piece.start !== next || !isComplete(piece)) throw new Error(`piece ${nth} starts at ${piece.start}`)
          if (piece.last !== (nth === pieces.length - 1)) throw new Error('the end is not at the end')
          if (piece.end - piece.start > 1 && sizeOf(piece.values) > limit) throw new Error('a piece is too large')
          next = piece.end
        }
        if (next !== whole.end) throw new Error(`the pieces end at ${next}`)
        const values = pieces.flatMap(({ values }) => unpackItems(values)).join()
        if (values !== unpackItems(whole.values).join()) throw new Error('values are missing')
        const failures = pieces.flatMap(({ failures }) => failures.map(({ index }) => index)).join()
        if (failures !== whole.failures.map(({ index }) => index).join()) throw new Error('failures are missing')
        const seconds = pieces.reduce((sum, { timing }) => sum + timing.computeSeconds, 0)
        if (Math.abs(seconds - 1.5) > 1e-9) throw new Error('time was told twice')
      },
    ),
    { numRuns: 2000 },
  )
  t.pass()
})

const inParts = test.macro((t, limitBytes: number) => {
  const text = Buffer.from(`"${'x'.repeat(300_000)}"\n`)
  const whole: Report = { ...report(7, 8), values: { form: 'json', count: 1, text } }
  const messages = toMessages(whole, limitBytes)
  t.true(messages.length > 5)
  t.true(messages.every(message => message.byteLength <= limitBytes))
  const reader = new ReportReader(silentLog)
  const read = messages.reverse().flatMap(message => reader.read(message))
  t.is(read.length, 1)
  const [values] = read.map(({ values }) => values)
  t.true(values?.form === 'json' && Buffer.compare(values.text, text) === 0)
  t.is(reader.dropped, 0)
})

test('reports that are sent together are read one by one, and a damaged one alone is dropped', t => {
  const all = [report(0, 3), report(3, 4), report(4, 9)]
  const messages = all.flatMap(each => toMessages(each, 10_000))
  t.deepEqual(messages.slice(0, 1), [toOneMessage(messages.slice(0, 1))])
  const reader = new ReportReader(silentLog)
  t.deepEqual(reader.read(toOneMessage(messages)), all)
  const damaged = Uint8Array.from(messages[1] as Uint8Array)
  damaged[20] = (damaged[20] as number) ^ 1
  const others = [messages[0], damaged, messages[2]] as Uint8Array[]
  t.deepEqual(reader.read(toOneMessage(others)), [all[0], all[2]])
  t.is(reader.dropped, 1)
  t.deepEqual(reader.read(toOneMessage(messages).subarray(0, 60)), [])
  t.is(reader.dropped, 2)
})

test('a report of one huge item travels in parts, and is read whole in any order of them', inParts, 2 * 50_000)

test('so it does where a server takes less than what is set aside for the rest of a report', inParts, 8 * 1024)
