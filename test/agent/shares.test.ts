// Whose turn it is on a host: by priority, then by weight, whatever the length of shards.
import test from 'ava'
import fc from 'fast-check'
import { Shares } from '../../agent/shares.js'

const next = (shares: Shares, ...jobs: string[]): string | undefined =>
  shares.next(jobs.map(job => ({ job, isCostly: false })))

test('jobs that always have work get slot time by weight, however long their shards are', t => {
  const job = fc.record({
    weight: fc.integer({ min: 1, max: 10 }),
    shardSeconds: fc.double({ min: 0.01, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(job, { minLength: 2, maxLength: 5 }), jobs => {
      const shares = new Shares()
      const names = jobs.map((_, nth) => `j${nth}`)
      for (const [nth, { weight }] of jobs.entries()) shares.know(`j${nth}`, { weight, priority: 0 })
      shares.busy(new Set(names))
      const served = jobs.map(() => 0)
      for (let turn = 0; turn < 3000; turn++) {
        const nth = names.indexOf(next(shares, ...names) ?? '')
        const { shardSeconds } = jobs[nth] as (typeof jobs)[0]
        shares.charge(`j${nth}`, shardSeconds)
        served[nth] = (served[nth] ?? 0) + shardSeconds
      }
      // Nobody is ahead of another by more than one shard of its own, by weight.
      const perWeight = served.map((seconds, nth) => seconds / (jobs[nth]?.weight ?? 1))
      const oneShard = Math.max(...jobs.map(({ weight, shardSeconds }) => shardSeconds / weight))
      t.true(Math.max(...perWeight) - Math.min(...perWeight) <= oneShard + 1e-6)
    }),
    { numRuns: 50 },
  )
})

test('a higher priority comes first, as long as it waits', t => {
  const shares = new Shares()
  shares.know('low', { weight: 1000, priority: 0 })
  shares.know('high', { weight: 1, priority: 1 })
  shares.busy(new Set(['low', 'high']))
  for (let turn = 0; turn < 10; turn++) {
    t.is(next(shares, 'low', 'high'), 'high')
    shares.charge('high', 1)
  }
  t.is(next(shares, 'low'), 'low')
  t.is(next(shares), undefined)
})

test('who had nothing to do saves up no claim', t => {
  const shares = new Shares()
  shares.know('busy', { weight: 1, priority: 0 })
  shares.know('idle', { weight: 1, priority: 0 })
  shares.busy(new Set(['busy']))
  for (let turn = 0; turn < 100; turn++) {
    shares.charge('busy', 1)
    shares.busy(new Set(['busy']))
  }
  shares.busy(new Set(['busy', 'idle']))
  const turns: string[] = []
  for (let turn = 0; turn < 10; turn++) {
    const job = next(shares, 'busy', 'idle') ?? ''
    turns.push(job)
    shares.charge(job, 1)
  }
  t.is(turns.filter(job => job === 'idle').length, 5)
})

test('a worker is not started anew for each turn', t => {
  const shares = new Shares()
  for (const job of ['a', 'b']) shares.know(job, { weight: 1, priority: 0 })
  shares.busy(new Set(['a', 'b']))
  shares.charge('b', 0.1)
  shares.charge('a', 1)
  // Its turn, but for what it costs.
  t.is(
    shares.next([
      { job: 'a', isCostly: false },
      { job: 'b', isCostly: true },
    ]),
    'a',
  )
  shares.charge('a', 3)
  t.is(
    shares.next([
      { job: 'a', isCostly: false },
      { job: 'b', isCostly: true },
    ]),
    'b',
  )
})

test('a newcomer has the shard ended of who was served most, and never one of a higher priority', t => {
  const shares = new Shares()
  for (const job of ['long', 'longer', 'new']) shares.know(job, { weight: 1, priority: 0 })
  shares.know('high', { weight: 1, priority: 5 })
  shares.busy(new Set(['long', 'longer', 'new', 'high']))
  shares.charge('long', 10)
  shares.charge('longer', 20)
  shares.charge('high', 100)
  t.is(
    shares.yielder(
      'new',
      new Map([
        ['long', 2],
        ['longer', 2],
        ['high', 4],
      ]),
    ),
    'longer',
  )
  t.is(shares.yielder('new', new Map([['high', 4]])), undefined)
  t.is(
    shares.yielder(
      'long',
      new Map([
        ['long', 1],
        ['longer', 1],
      ]),
    ),
    undefined,
  )
  // The only slot of a job that had no more stays with it.
  t.is(shares.yielder('long', new Map([['new', 1]])), undefined)
})
