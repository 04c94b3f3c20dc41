import test from 'ava'
import { Decisions } from '../../coordinator/decisions.js'
import { Plan } from '../../coordinator/plan.js'

const made = (slots = 4, startSeconds = 0.06) => {
  const decisions = new Decisions()
  const plan = new Plan({ slots, startSeconds, decisions })
  plan.expectHandover(0)
  plan.looked(false)
  return { plan, said: () => decisions.all.map(({ decision }) => decision) }
}

test('before an item was measured the caller runs alone', t => {
  t.deepEqual(made().plan.decide(0, 1e6), { workers: 0, isFed: false, callerRuns: true })
})

test('a job that ends before a worker has started stays where it is', t => {
  const { plan, said } = made()
  plan.ran(1000, 0.001)
  t.deepEqual(plan.decide(0.001, 100_000), { workers: 0, isFed: false, callerRuns: true })
  t.deepEqual(said(), [])
})

test('workers are asked for when what remains is worth their start, and fed when they are there', t => {
  const { plan, said } = made()
  plan.ran(20, 0.02)
  t.deepEqual(plan.decide(0.02, 100_000), { workers: 3, isFed: false, callerRuns: true })
  plan.ready(0.05)
  t.deepEqual(plan.decide(0.06, 90_000), { workers: 3, isFed: true, callerRuns: true })
  t.is(said().length, 2)
  t.regex(said()[0] as string, /3 workers/)
})

test('while the engine still compiles, short items say nothing', t => {
  const { plan } = made()
  plan.ran(1000, 0.002)
  t.is(plan.decide(0.002, 1e6).workers, 0)
  plan.ran(100_000, 0.009)
  t.is(plan.decide(0.011, 9e5).workers, 0)
  plan.ran(100, 0.05)
  plan.decide(0.06, 9e5)
  plan.looked(false)
  plan.ran(100, 0.05)
  t.is(plan.decide(0.12, 9e5).workers, 3)
})

test('a process is not started on the word of code that was never compiled', t => {
  const { plan } = made()
  plan.ran(2, 0.002)
  plan.decide(0.002, 5000)
  plan.ran(8, 0.008)
  t.is(plan.decide(0.01, 5000).workers, 0)
  plan.ran(200, 0.01)
  t.is(plan.decide(0.02, 5000).workers, 0, 'it takes a twentieth of what it took')
  const long = made().plan
  long.ran(1, 0.02)
  long.decide(0.02, 500)
  long.ran(1, 0.02)
  t.is(long.decide(0.04, 500).workers, 4)
})

test('fewer workers than slots where the rest is worth only so many', t => {
  const { plan } = made(8)
  plan.ran(20, 0.02)
  t.is(plan.decide(0.02, 400).workers, 2)
})

test('one slot is the caller’s', t => {
  const { plan } = made(1)
  plan.ran(10, 0.01)
  t.is(plan.decide(0.01, 1e6).workers, 0)
})

test('workers get no more where handing over costs what the item does, and again when items grow', t => {
  const { plan, said } = made()
  plan.ran(1_000_000, 0.1)
  plan.ready(0.01)
  t.true(plan.decide(0.1, 1e8).isFed)
  plan.received(100_000, 0.012, 0.01)
  t.false(plan.decide(0.2, 1e8).isFed)
  t.true(plan.decide(0.2, 1e8).callerRuns)
  plan.ran(10_000, 0.3)
  t.true(plan.decide(0.5, 1e8).isFed)
  t.is(said().filter(text => /no more/.test(text)).length, 1)
})

test('workers go on where their items are worth nothing only while handing over is cheap beside the caller’s', t => {
  const fed = (handoverSeconds: number): boolean => {
    const { plan } = made()
    plan.ran(30_000, 0.09)
    plan.ready(0.01)
    t.true(plan.decide(0.1, 1e6).isFed)
    plan.received(10_000, 10_000 * handoverSeconds, 0.03)
    t.true(plan.decide(0.12, 9e5).isFed, 'they are worth it')
    plan.received(200_000, 200_000 * handoverSeconds, 0.003)
    return plan.decide(0.2, 8e5).isFed
  }
  // The caller's take 3 us each.
  t.true(fed(0.8e-6))
  t.false(fed(1.2e-6))
})

test('a function that was fast before is not believed to be slow before the engine has compiled it again', t => {
  const decisions = new Decisions()
  const plan = new Plan({ slots: 2, startSeconds: 0.06, itemSeconds: 1e-6, joinSeconds: 0.001, decisions })
  plan.expectHandover(0)
  plan.ran(500, 0.005)
  t.is(plan.decide(0.005, 2000).workers, 0)
  plan.ran(600, 0.006)
  t.is(plan.decide(0.011, 1400).workers, 1)
})

test('handing over is not judged by the first shards alone', t => {
  const { plan } = made()
  plan.ran(1_000_000, 0.1)
  plan.ready(0.01)
  plan.received(10, 0.005, 0.000_001)
  t.true(plan.decide(0.1, 1e8).isFed)
})

test('items that keep the event loop are left to the workers, all cores theirs', t => {
  const { plan, said } = made()
  plan.ran(1, 0.5)
  t.deepEqual(plan.decide(0.5, 100), { workers: 4, isFed: false, callerRuns: true })
  plan.ready(0.06)
  t.deepEqual(plan.decide(0.6, 99), { workers: 4, isFed: true, callerRuns: false })
  t.regex(said().at(-1) as string, /leaves the items/)
})

test('the caller does not leave its loop for one item that was waited for, in which something else may have had the core', t => {
  const { plan } = made(2)
  plan.ready(0.01)
  plan.ran(1, 0.03)
  t.deepEqual(plan.decide(0.03, 1000, 2), { workers: 1, isFed: true, callerRuns: true })
  plan.ran(1, 0.03)
  t.false(plan.decide(0.06, 1000, 2).callerRuns)
  const quick = made(2).plan
  quick.ready(0.01)
  quick.ran(1, 0.03)
  quick.decide(0.03, 1000, 2)
  quick.ran(50, 0.001)
  t.true(quick.decide(0.04, 950, 2).callerRuns)
  const busy = made(2).plan
  busy.ready(0.01)
  busy.ran(1, 0.03)
  busy.used(0.03)
  t.false(busy.decide(0.03, 1000, 2).callerRuns, 'it kept the core')
})

test('an item that has not ended is evidence of how long items are', t => {
  const { plan } = made()
  plan.waits(0.3)
  t.is(plan.decide(0.3, 3).workers, 3)
})

test('one item in which the whole process stood still says nothing of the others', t => {
  const { plan } = made()
  plan.ran(1, 0.004)
  t.is(plan.decide(0.004, 10_000).workers, 0)
  plan.ran(5000, 0.005)
  t.is(plan.decide(0.009, 5000).workers, 0)
})

test('a slice in which another process had the core does not make items long', t => {
  const { plan } = made()
  plan.ran(10, 0.02)
  plan.used(0.0002)
  t.is(plan.decide(0.02, 1000).workers, 0)
  plan.ran(10, 0.02)
  plan.used(0.0199)
  plan.looked(false)
  t.is(plan.decide(0.04, 1000).workers, 3)
})

test('the end of a job asks for nobody', t => {
  const { plan } = made()
  plan.ran(100, 10)
  t.is(plan.decide(10, 0).workers, 0)
})

test('nobody is asked for before it is known what handing over would cost, and nobody when it is too dear', t => {
  const decisions = new Decisions()
  const plan = new Plan({ slots: 4, startSeconds: 0.06, decisions })
  t.false(plan.wantsHandover)
  plan.ran(1_000_000, 0.02)
  t.is(plan.decide(0.02, 1e8).workers, 0)
  t.true(plan.wantsHandover)
  plan.expectHandover(15e-9)
  t.is(plan.decide(0.02, 1e8).workers, 0)
  plan.ran(1000, 0.1)
  plan.decide(0.1, 1e8)
  t.true(plan.wantsLook)
  plan.looked(false)
  t.false(plan.wantsLook)
  plan.ran(1000, 0.1)
  t.is(plan.decide(0.2, 1e8).workers, 3)
  t.is(decisions.all.length, 1)
})

test('the caller leaves long items to as many workers as there are slots, and to no fewer', t => {
  const { plan } = made(2)
  plan.ran(2, 0.02)
  t.deepEqual(plan.decide(0.02, 100, 2), { workers: 2, isFed: false, callerRuns: true })
  plan.ready(0.001)
  t.false(plan.decide(0.03, 100, 2).callerRuns)
  const few = made(2).plan
  few.ran(20, 0.02)
  few.decide(0.02, 400, 2)
  few.ready(0.001)
  few.ran(1, 0.01)
  t.deepEqual(few.decide(0.02, 2, 2), { workers: 1, isFed: true, callerRuns: true })
})

test('two slow slices of short items do not make the caller leave them', t => {
  const { plan } = made(2)
  plan.ran(200, 0.04)
  plan.decide(0.04, 5000, 2)
  plan.ready(0.001)
  for (const now of [0.05, 0.06]) {
    plan.ran(1, 0.008)
    t.true(plan.decide(now, 5000, 2).callerRuns)
  }
})

test('workers that are there already join shorter jobs', t => {
  const decisions = new Decisions()
  const plan = new Plan({ slots: 4, startSeconds: 0.06, joinSeconds: 0.0005, decisions })
  plan.expectHandover(0)
  plan.ran(100, 0.011)
  t.is(plan.decide(0.011, 100, 3).workers, 3)
  t.is(made().plan.decide(0.011, 100, 3).workers, 0)
})

test('the first worker of a process must be worth several starts, and many where no core is free for it', t => {
  const asked = (remainingSeconds: number, isCrowded: boolean | undefined): number => {
    const { plan } = made(2)
    plan.looked(isCrowded)
    plan.ran(20, 0.02)
    return plan.decide(0.02, remainingSeconds * 1000).workers
  }
  t.is(asked(0.25, false), 0)
  t.is(asked(0.35, false), 1)
  t.is(asked(0.35, true), 0)
  t.is(asked(0.65, true), 0)
  t.is(asked(0.8, true), 1)
  t.is(asked(9, undefined), 0, 'nobody knows')
})

test('workers that are there join however busy the machine is', t => {
  const decisions = new Decisions()
  const plan = new Plan({ slots: 2, startSeconds: 0.06, joinSeconds: 0.005, decisions })
  plan.expectHandover(0)
  plan.ran(10, 0.01)
  t.is(plan.decide(0.01, 20, 1).workers, 1)
})
