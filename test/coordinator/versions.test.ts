import test from 'ava'
import fc from 'fast-check'
import { Versions } from '../../coordinator/versions.js'
import { isWithin, type VersionRange } from '../../proto/version.js'

const range = (oldest: number, newest = oldest): VersionRange => ({ oldest, newest })
const beat = (agent: string, versions: VersionRange, slots = 1, draining = false) => ({
  agent: `a-${agent}`,
  host: agent,
  slots,
  draining,
  versions,
  program: '9.9.9',
})

test('the highest version that all read is written, and a lower one from the moment that an older agent is heard', t => {
  const versions = new Versions(range(1, 3), '1.0.0')
  t.is(versions.version, 3)
  t.false(versions.hear(beat('ann', range(2, 3))))
  t.is(versions.version, 3)
  t.true(versions.hear(beat('bob', range(1, 2))))
  t.is(versions.version, 2)
  t.false(versions.hear(beat('bob', range(1, 2))))
  t.true(versions.isReader('a-ann') && versions.isReader('a-bob'))
  t.false(versions.isReader('a-nobody'))
})

test('while a job runs a version that nobody is left out by stays; the next job begins with the highest', t => {
  const versions = new Versions(range(1, 2), '1.0.0')
  versions.hear(beat('old', range(1)))
  versions.hear(beat('new', range(1, 2)))
  t.is(versions.version, 1)
  t.false(versions.leave('a-old'))
  t.is(versions.version, 1)
  versions.renew()
  t.is(versions.version, 2)
})

test('where no version is read by all, the one with the most slots counts', t => {
  const versions = new Versions(range(1, 3), '1.0.0')
  t.false(versions.hear(beat('new', range(3), 4)))
  t.false(versions.hear(beat('old', range(1), 4)))
  t.is(versions.version, 3)
  t.true(versions.hear(beat('old', range(1), 5)))
  t.deepEqual([versions.version, versions.isReader('a-new'), versions.isReader('a-old')], [1, false, true])
  t.true(versions.hear(beat('old', range(1), 5, true)), 'one that drains has no slots to lose')
  t.is(versions.version, 3)
})

test('why nobody works: who speaks what, and where to upgrade', t => {
  const versions = new Versions(range(2, 3), '1.0.0')
  t.is(versions.absence, undefined)
  versions.hear(beat('ann', range(4, 5)))
  t.is(
    versions.absence,
    '1 agent speaks protocol 4 to 5, this coordinator 2 to 3, of which 3 is in use: upgrade manyhands here [MH-AGENT-VERSION]',
  )
  for (const host of ['bob', 'cy', 'dee', 'eve', 'fay']) versions.hear(beat(host, range(1)))
  t.regex(
    versions.absence ?? '',
    /^6 agents speak protocol 4 to 5, 1, .*: upgrade manyhands here and on bob, cy, dee and 2 more \[/,
  )
  versions.hear(beat('gus', range(2, 3)))
  t.is(versions.absence, undefined)

  const same = new Versions(range(3), '1.0.0')
  same.hear(beat('a\u001b[2Jnn\n', range(1, 2)))
  t.is(
    same.absence,
    '1 agent speaks protocol 1 to 2, this coordinator 3: upgrade manyhands on a[2Jnn [MH-AGENT-VERSION]',
  )
})

test('what is left out is said once for each range, at its second beat', t => {
  const versions = new Versions(range(1), '1.0.0')
  const said = (agent: string): string | undefined => versions.news(`a-${agent}`)
  versions.hear(beat('ann', range(2)))
  versions.hear(beat('bob', range(2)))
  versions.hear(beat('cy', range(3, 4)))
  t.deepEqual([said('ann'), said('bob'), said('cy')], [undefined, undefined, undefined])
  t.is(
    said('ann'),
    'Agent a-ann on ann takes no shards: it speaks protocol 2 (manyhands 9.9.9), this coordinator 1 (manyhands 1.0.0). ' +
      'Others like it are not named; upgrade manyhands here [MH-AGENT-VERSION]',
  )
  t.deepEqual([said('ann'), said('bob')], [undefined, undefined])
  t.regex(said('cy') ?? '', /^Agent a-cy .* protocol 3 to 4/)
})

test('whatever comes and goes, no other version is read by more slots', t => {
  const own = range(2, 5)
  const anyRange = fc
    .tuple(fc.integer({ min: 1, max: 7 }), fc.nat({ max: 2 }))
    .map(([oldest, more]) => range(oldest, oldest + more))
  const event = fc.record({
    agent: fc.constantFrom('a', 'b', 'c', 'd'),
    slots: fc.nat({ max: 3 }),
    versions: anyRange,
    leaves: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), events => {
      const versions = new Versions(own, '')
      const there = new Map<string, ReturnType<typeof beat>>()
      for (const { agent, slots, versions: theirs, leaves } of events) {
        const before = versions.version
        const told = beat(agent, theirs, slots)
        if (leaves) there.delete(agent)
        else there.set(agent, told)
        const hasChanged = leaves ? versions.leave(told.agent) : versions.hear(told)
        const readers = (version: number): number =>
          [...there.values()].reduce((sum, each) => sum + (isWithin(version, each.versions) ? each.slots : 0), 0)
        const best = Math.max(...[2, 3, 4, 5].map(readers))
        if (!isWithin(versions.version, own) || readers(versions.version) !== best)
          throw new Error('another is read by more')
        if (hasChanged !== (versions.version !== before)) throw new Error('a change that is none, or none told')
        if (hasChanged && readers(before) === best) throw new Error('a change for nothing')
      }
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
