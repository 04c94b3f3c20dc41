// Who is put aside: a host on which everything fails while others succeed, and nobody else.
import test from 'ava'
import fc from 'fast-check'
import { Quarantine } from '../../coordinator/quarantine.js'

const good = (agent: string, shard: number) => ({ agent, shard, values: 10, failures: 0 })
const bad = (agent: string, shard: number) => ({ agent, shard, values: 0, failures: 10, message: 'no disk' })

test('a host is put aside after failures of three shards with no success, while another one succeeds, and says why', t => {
  const quarantine = new Quarantine()
  for (let shard = 0; shard < 20; shard++) t.false(quarantine.observe(good('fine', shard), 0))
  t.false(quarantine.observe(bad('sick', 20), 0))
  // The same shard once more is the shard's fault.
  t.false(quarantine.observe(bad('sick', 20), 0))
  t.true(quarantine.isDoubtful('sick'))
  t.false(quarantine.observe(bad('sick', 21), 0))
  t.true(quarantine.observe(bad('sick', 22), 0))
  t.true(quarantine.isAside('sick'))
  t.deepEqual(quarantine.aside(), ['sick'])
  t.regex(
    quarantine.why('sick', 1) ?? '',
    /3 shards failed there and none succeeded, while others did elsewhere \(no disk\); tried again in 29 s/,
  )
  t.is(quarantine.why('fine', 1), undefined)
})

test('it is tried again after a while, then after twice that, and cleared by a success', t => {
  const quarantine = new Quarantine()
  for (let shard = 0; shard < 20; shard++) quarantine.observe(good('fine', shard), 0)
  for (let shard = 20; shard < 23; shard++) quarantine.observe(bad('sick', shard), 0)
  t.false(quarantine.tick(29))
  t.true(quarantine.tick(30))
  t.false(quarantine.isAside('sick'))
  t.true(quarantine.observe(bad('sick', 30), 30))
  t.false(quarantine.tick(89))
  t.true(quarantine.tick(90))
  t.false(quarantine.observe(good('sick', 31), 90))
  t.false(quarantine.isDoubtful('sick'))
  t.false(quarantine.observe(bad('sick', 32), 91))
})

test('a function that fails everywhere is no fault of any host', t => {
  const quarantine = new Quarantine()
  for (let shard = 0; shard < 100; shard++) t.false(quarantine.observe(bad(`h${shard % 3}`, shard), 0))
  t.deepEqual(quarantine.aside(), [])
})

test('nobody is put aside who ever succeeded since, nor before three shards failed, nor alone', t => {
  const report = fc.record({
    agent: fc.constantFrom('a', 'b', 'c'),
    shard: fc.integer({ min: 0, max: 20 }),
    isGood: fc.constantFrom(true, false, false),
  })
  let putAside = 0
  fc.assert(
    fc.property(fc.array(report, { minLength: 30, maxLength: 200 }), reports => {
      const quarantine = new Quarantine()
      const failed = new Map<string, Set<number>>()
      // Without much success of others nobody is.
      const succeeded = new Set(['d'])
      for (let shard = 100; shard < 200; shard++) quarantine.observe(good('d', shard), 0)
      for (const { agent, shard, isGood } of reports) {
        const mine = failed.get(agent) ?? new Set()
        failed.set(agent, mine)
        if (isGood) {
          mine.clear()
          succeeded.add(agent)
        } else mine.add(shard)
        const isNews = quarantine.observe(isGood ? good(agent, shard) : bad(agent, shard), 0)
        if (!isNews) continue
        putAside++
        t.true(mine.size >= 3)
        t.true([...succeeded].some(other => other !== agent))
      }
    }),
  )
  // Else this would say nothing.
  t.true(putAside > 0)
})
