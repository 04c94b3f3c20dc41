// What somebody wants of an agent is followed once, whatever order it is heard in.
import test from 'ava'
import fc from 'fast-check'
import { Wishes } from '../../agent/wishes.js'
import type { AgentWish } from '../../proto/presence.js'

const slots = (count: number, askedMs: number): AgentWish => ({ agent: 'me', drain: false, slots: { count, askedMs } })

test('a wish is followed once, and those for others never', t => {
  const wishes = new Wishes()
  t.is(wishes.hear('me', 'c', [{ agent: 'other', drain: true, slots: { count: 1, askedMs: 1 } }]), undefined)
  t.deepEqual(wishes.hear('me', 'c', [slots(3, 10)]), { drain: false, slots: 3 })
  t.is(wishes.hear('me', 'c', [slots(3, 10)]), undefined)
  t.is(wishes.newestMs, 10)
  t.deepEqual(wishes.hear('me', 'c', [{ ...slots(3, 10), drain: true }]), { drain: true })
  t.is(wishes.hear('me', 'd', [{ agent: 'me', drain: true }]), undefined)
})

test('two coordinators that wish for different numbers do not make it go to and fro: the newest wish stays', t => {
  const wish = fc.record({
    by: fc.constantFrom('a', 'b', 'c'),
    count: fc.integer({ min: 1, max: 9 }),
    askedMs: fc.integer({ min: 1, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1, maxLength: 30 }), all => {
      // One coordinator makes one wish at a time.
      const made = [...new Map(all.map(each => [`${each.by} ${each.askedMs}`, each])).values()]
      const ends = [made, [...made].reverse(), [...made, ...made]].map(heard => {
        const wishes = new Wishes()
        let count = 0
        let changes = 0
        for (const { by, count: wished, askedMs } of heard) {
          const news = wishes.hear('me', by, [slots(wished, askedMs)])
          if (news?.slots === undefined) continue
          count = news.slots
          changes++
        }
        t.true(changes <= made.length)
        return count
      })
      const newest = made.reduce((a, b) => (b.askedMs > a.askedMs || (b.askedMs === a.askedMs && b.by > a.by) ? b : a))
      t.deepEqual(ends, [newest.count, newest.count, newest.count])
    }),
  )
})
