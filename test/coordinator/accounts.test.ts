import test from 'ava'
import fc from 'fast-check'
import { Accounts } from '../../coordinator/accounts.js'
import type { Receipt } from '../../coordinator/receipt.js'
import { NO_SLOT_TIME, type SlotTiming } from '../../proto/timing.js'

const accounts = (): Accounts => new Accounts({ job: 'j', name: 'work', placement: 'local' })
const timing = (fields: Partial<SlotTiming>): SlotTiming => ({ ...NO_SLOT_TIME, ...fields })
const sum = ({ core_seconds: phases }: Receipt): number =>
  Object.values(phases).reduce((total, seconds) => total + seconds, 0)
const near = (value: number, expected: number): boolean => Math.abs(value - expected) < 1e-6 * Math.max(1, expected)

test('every core-second of a job has its phase', t => {
  const account = accounts()
  account.start(100)
  account.serve('a', 2, 100)
  account.report(
    'a/0',
    timing({ startSeconds: 1, computeSeconds: 5, dispatchSeconds: 0.5, waitSeconds: 0.5 }),
    10,
    true,
    107,
  )
  account.report(
    'a/1',
    timing({ startSeconds: 1, computeSeconds: 7, encodeSeconds: 1, decodeSeconds: 1 }),
    10,
    true,
    110,
  )
  const receipt = account.receipt(20, 0, 110)
  t.is(receipt.wall_seconds, 10)
  t.is(receipt.capacity_core_seconds, 20)
  t.deepEqual(receipt.core_seconds, {
    compute: 12,
    start: 2,
    decode: 1,
    encode: 1,
    dispatch: 0.5,
    transport: 0.5,
    tail: 3,
    lost: 0,
    other: 0,
  })
  t.true(near(receipt.serial_seconds_estimate.value, 12))
  t.true(near(receipt.speedup, 1.2))
  t.true(near(receipt.efficiency, 0.6))
})

test('what a report of settled items took is lost', t => {
  const account = accounts()
  account.start(0)
  account.serve('a', 1, 0)
  account.report('a/0', timing({ computeSeconds: 4, encodeSeconds: 1 }), 10, false, 5)
  const { core_seconds, serial_seconds_estimate } = account.receipt(0, 0, 5)
  t.is(core_seconds.lost, 5)
  t.is(core_seconds.compute, 0)
  t.is(serial_seconds_estimate.value, 0)
})

test('slots that come and go count for as long as they serve', t => {
  const account = accounts()
  account.start(0)
  account.serve('a', 4, 0)
  account.serve('a', 1, 5)
  const receipt = account.receipt(0, 0, 10)
  t.is(receipt.capacity_core_seconds, 25)
  t.is(receipt.slots, 2.5)
})

test('a job that lost against a loop says so, and one that won says nothing', t => {
  const slow = accounts()
  slow.start(0)
  slow.serve('a', 2, 0)
  slow.report('a/0', timing({ computeSeconds: 0.1 }), 1000, true, 7)
  t.regex(slow.receipt(1000, 0, 7).advice.join(), /A plain loop would have been 70 times faster/)
  const fast = accounts()
  fast.start(0)
  fast.serve('a', 2, 0)
  fast.report('a/0', timing({ computeSeconds: 7 }), 10, true, 7)
  fast.report('a/1', timing({ computeSeconds: 7 }), 10, true, 7)
  t.deepEqual(fast.receipt(20, 0, 7).advice, [])
})

test('a job without items has a receipt of finite numbers', t => {
  const account = accounts()
  account.start(3)
  const receipt = account.receipt(0, 0, 3)
  t.true(Object.values(receipt.core_seconds).every(seconds => seconds === 0))
  t.true([receipt.speedup, receipt.efficiency, receipt.slots].every(Number.isFinite))
  t.is(receipt.break_even_items, null)
})

test('the phases add up to the capacity, whatever is reported and whoever comes and goes', t => {
  const seconds = fc.double({ min: 0, max: 5, noNaN: true })
  const part = fc.double({ min: 0, max: 1, noNaN: true })
  const event = fc.record({
    passSeconds: seconds,
    what: fc.oneof(
      fc.record({
        slot: fc.nat({ max: 3 }),
        busy: part,
        waits: part,
        loses: part,
        elsewhere: part,
        isUsed: fc.boolean(),
      }),
      fc.record({ serve: fc.nat({ max: 4 }) }),
      fc.constant('gone' as const),
      fc.constant('caller' as const),
    ),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), fc.boolean(), (events, isUnfinished) => {
      const account = accounts()
      const reported = [0, 0, 0, 0]
      let now = 0
      account.serve('a', 4, 0)
      account.start(0)
      for (const { passSeconds, what } of events) {
        now += passSeconds
        if (what === 'gone') account.gone('a')
        else if (what === 'caller') account.report('caller/0', timing({ computeSeconds: passSeconds }), 1, true, now)
        else if ('serve' in what) account.serve('a', what.serve, now)
        else {
          // A slot accounts for the whole time since its last report, whether its coordinator counts it or not.
          const elapsed = now - (reported[what.slot] as number)
          reported[what.slot] = now
          const waitSeconds = elapsed * what.waits
          const lostSeconds = (elapsed - waitSeconds) * what.loses
          const elsewhereSeconds = (elapsed - waitSeconds - lostSeconds) * what.elsewhere
          const rest = elapsed - waitSeconds - lostSeconds - elsewhereSeconds
          const computeSeconds = rest * what.busy
          const told = {
            waitSeconds,
            lostSeconds,
            elsewhereSeconds,
            computeSeconds,
            dispatchSeconds: rest - computeSeconds,
          }
          account.report(`a/${what.slot}`, timing(told), 1, what.isUsed, now)
        }
      }
      const receipt = account.receipt(1, 0, now + 1, isUnfinished)
      if (!near(sum(receipt), receipt.capacity_core_seconds))
        throw new Error(`${sum(receipt)} of ${receipt.capacity_core_seconds} core-seconds`)
      if (receipt.capacity_core_seconds > 5 * (now + 1) + 1e-6)
        throw new Error('the capacity is more than slots times wall')
      if (Object.values(receipt.core_seconds).some(phase => phase < -1e-9)) throw new Error('a phase below nothing')
      if (receipt.core_seconds.other > 0.01 * receipt.capacity_core_seconds)
        throw new Error('time that nobody knows of')
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

test('slots that stay account for slots times wall', t => {
  const event = fc.record({ passSeconds: fc.double({ min: 0, max: 5, noNaN: true }), slot: fc.nat({ max: 3 }) })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), events => {
      const account = accounts()
      const reported = [0, 0, 0, 0]
      let now = 0
      account.serve('a', 4, 0)
      account.start(0)
      for (const { passSeconds, slot } of events) {
        now += passSeconds
        const computeSeconds = now - (reported[slot] as number)
        reported[slot] = now
        account.report(`a/${slot}`, timing({ computeSeconds }), 1, true, now)
      }
      const receipt = account.receipt(1, 0, now + 1)
      if (!near(receipt.capacity_core_seconds, 4 * (now + 1))) throw new Error('the capacity is not slots times wall')
      if (!near(receipt.core_seconds.tail, 4 * (now + 1) - receipt.core_seconds.compute))
        throw new Error('not all is told')
    }),
  )
  t.pass()
})

test('the loop of the caller is a slot for as long as it ran', t => {
  const account = accounts()
  account.serve('local', 2, 0)
  account.start(0)
  account.report('caller/0', timing({ computeSeconds: 3, cpuSeconds: 3 }), 30, true, 3)
  account.report('local/0', timing({ startSeconds: 1, computeSeconds: 3 }), 30, true, 4)
  account.report('local/1', timing({ startSeconds: 1, computeSeconds: 3 }), 30, true, 4)
  const receipt = account.receipt(90, 0, 4)
  t.is(receipt.capacity_core_seconds, 11)
  t.is(receipt.slots, 2.75)
  t.is(receipt.core_seconds.compute, 9)
  t.is(receipt.core_seconds.other, 0)
})

test('the phases so far are those of the slots up to now', t => {
  const account = accounts()
  account.serve('a', 1, 0)
  account.start(0)
  account.report('a/0', timing({ computeSeconds: 2 }), 1, true, 2)
  t.like(account.soFar(3), { capacity: 3 })
  t.is(account.soFar(3).phases.compute, 2)
})

/** The advice of a job on one slot: so many items, so long in the function, so long in all. */
const adviceOf = (items: number, computeSeconds: number, wallSeconds: number): readonly string[] => {
  const accounts = new Accounts({ job: 'j', name: 'f', placement: 'local' })
  accounts.start(0)
  accounts.serve('a', 1, 0)
  accounts.report('a/0', { ...NO_SLOT_TIME, computeSeconds }, items, true, wallSeconds)
  return accounts.receipt(items, 0, wallSeconds).advice
}

test('a job slower than a loop is told by how much, without exponents', t => {
  t.deepEqual(adviceOf(10, 0.0028, 0.4508), [
    'A plain loop would have been 160 times faster: the function takes 280 µs an item, and all else, the start of workers included, took 45 ms an item.',
  ])
  const [advice] = adviceOf(1, 2, 5)
  t.regex(advice ?? '', /2\.5 times faster: the function takes 2 s an item, .* took 3 s an item\.$/)
})

test('a job with nothing to say about a loop gives no advice', t => {
  t.deepEqual(adviceOf(0, 0, 1), [])
  t.deepEqual(adviceOf(1, 2, 2), [])
})
