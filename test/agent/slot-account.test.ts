import test from 'ava'
import fc from 'fast-check'
import { SlotAccount, type SlotState } from '../../agent/slot-account.js'
import { NO_SLOT_TIME, NO_TIME, type SlotTiming } from '../../proto/timing.js'

const sum = (timing: SlotTiming): number =>
  timing.computeSeconds +
  timing.decodeSeconds +
  timing.encodeSeconds +
  timing.dispatchSeconds +
  timing.startSeconds +
  timing.waitSeconds +
  timing.lostSeconds

test('a slot starts, waits, works and reports: each second is in one part', t => {
  const account = new SlotAccount(0)
  account.beginJob('j', 0)
  account.become('starting', 1)
  account.become('working', 3)
  const timing = { ...NO_TIME, computeSeconds: 4, decodeSeconds: 0.5, encodeSeconds: 0.25 }
  t.deepEqual(account.take('j', timing, 8), {
    ...NO_SLOT_TIME,
    ...timing,
    waitSeconds: 1,
    startSeconds: 2,
    dispatchSeconds: 0.25,
  })
  account.become('waiting', 8)
  account.become('working', 9)
  t.like(account.take('j', { ...NO_TIME, computeSeconds: 1 }, 10), {
    waitSeconds: 1,
    computeSeconds: 1,
    startSeconds: 0,
  })
})

test('a worker that starts before there is work for it is starting, not waiting', t => {
  const account = new SlotAccount(0)
  account.become('starting', 0)
  account.beginJob('j', 1)
  account.become('working', 4)
  t.like(account.take('j', NO_TIME, 5), { startSeconds: 3, waitSeconds: 0, dispatchSeconds: 1 })
})

test('the time before a job is not its own', t => {
  const account = new SlotAccount(0)
  account.beginJob('j', 100)
  account.become('working', 101)
  t.like(account.take('j', NO_TIME, 102), { waitSeconds: 1, dispatchSeconds: 1, elsewhereSeconds: 0 })
})

test('what a slot did for another job is elsewhere for the first, and counted once', t => {
  const account = new SlotAccount(0)
  account.beginJob('a', 0)
  account.beginJob('b', 1)
  account.become('working', 2)
  t.like(account.take('a', { ...NO_TIME, computeSeconds: 3 }, 5), {
    waitSeconds: 2,
    computeSeconds: 3,
    elsewhereSeconds: 0,
  })
  t.like(account.take('b', { ...NO_TIME, computeSeconds: 4 }, 9), { computeSeconds: 4, elsewhereSeconds: 4 })
  t.like(account.take('a', { ...NO_TIME, computeSeconds: 1 }, 10), { computeSeconds: 1, elsewhereSeconds: 4 })
})

test('work that comes to nothing is lost to its own job, and elsewhere to another', t => {
  const account = new SlotAccount(0)
  account.beginJob('a', 0)
  account.become('working', 0)
  account.lose('a', 3)
  account.become('starting', 3)
  account.become('working', 5)
  t.like(account.take('a', { ...NO_TIME, computeSeconds: 1 }, 6), {
    lostSeconds: 3,
    startSeconds: 2,
    dispatchSeconds: 0,
  })
  account.beginJob('b', 6)
  account.lose('a', 8)
  account.endJob('a')
  t.like(account.take('b', { ...NO_TIME, computeSeconds: 1 }, 9), {
    lostSeconds: 0,
    elsewhereSeconds: 2,
    computeSeconds: 1,
  })
})

test('work that a worker began while the report before it was on its way is not counted twice', t => {
  const account = new SlotAccount(0)
  account.beginJob('j', 0)
  account.become('working', 0)
  // It ended at 2 and went on with the next; the report was read at 5.
  t.like(account.take('j', { ...NO_TIME, computeSeconds: 2 }, 5), { dispatchSeconds: 3 })
  t.like(account.take('j', { ...NO_TIME, computeSeconds: 4 }, 6), { computeSeconds: 4, dispatchSeconds: 0 })
  t.like(account.take('j', { ...NO_TIME, computeSeconds: 1 }, 12), { computeSeconds: 1, dispatchSeconds: 2 })
})

test('whatever a slot does for whomever, the reports of a job tell the time since its begin, all of it, once', t => {
  const states: SlotState[] = ['waiting', 'starting', 'working']
  const step = fc.record({
    passSeconds: fc.double({ min: 0, max: 5, noNaN: true }),
    what: fc.oneof(
      fc.record({ state: fc.constantFrom(...states) }),
      fc.record({ take: fc.constantFrom('a', 'b'), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ lose: fc.constantFrom('a', 'b') }),
    ),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const account = new SlotAccount(0)
      account.beginJob('a', 0)
      account.beginJob('b', 0)
      const told = { a: 0, b: 0 }
      const elsewhere = { a: 0, b: 0 }
      let now = 0
      let workingSeconds = 0
      let state: SlotState = 'waiting'
      for (const { passSeconds, what } of steps) {
        now += passSeconds
        if (state === 'working') workingSeconds += passSeconds
        if ('state' in what) {
          state = what.state
          account.become(state, now)
        } else if ('lose' in what) {
          account.lose(what.lose, now)
          workingSeconds = 0
        } else {
          const timing = { ...NO_TIME, computeSeconds: workingSeconds * what.part }
          const taken = account.take(what.take, timing, now)
          workingSeconds = 0
          told[what.take] += sum(taken)
          elsewhere[what.take] += taken.elsewhereSeconds
          if (Math.abs(told[what.take] + elsewhere[what.take] - now) > 1e-6)
            throw new Error(`${told[what.take]} and ${elsewhere[what.take]} elsewhere of ${now}`)
        }
      }
      if (told.a + told.b > now + 1e-6) throw new Error(`${told.a} + ${told.b} told of ${now}`)
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
